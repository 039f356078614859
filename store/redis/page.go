package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ration-go/ration/internal/cursor"
)

// maxExamined is the most records that the script examines for one page. It bounds the
// time for which a filter that matches little keeps the server busy.
const maxExamined = 1000

// listing lists records of the directory, newest first. A cursor is a number: the page
// has records with smaller numbers. No number is given twice, so records that come and go
// between two pages do not disturb the listing.
type listing[T any] struct {
	order   string   // the sorted set that lists the records
	records string   // the hash that has them
	before  string   // a record's field in the hash is before + its member in the sorted set
	digests int      // how many bytes of digests a record has
	filter  []string // for each text of a record: any, equals or beginsWith
	read    func(record string) (T, error)
	invalid error // wrapped by an error that is the caller's fault
}

// page returns up to limit records, those from a cursor on, and the next cursor.
func (l *listing[T]) page(ctx context.Context, s *Store, from string, limit int) (page []T, next string, err error) {
	below, err := cursor.Parse(from)
	if limit < 1 {
		err = errors.Join(err, fmt.Errorf("limit: %d: want 1 or more", limit))
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", l.invalid, err)
	}
	reply, err := s.query(ctx, pageScript, []string{s.directoryKey("last"), s.directoryKey(l.order), s.directoryKey(l.records)},
		l.args(below, min(limit, maxExamined))).AsStrSlice()
	if err != nil {
		return nil, "", err
	}
	if len(reply) < 2 {
		return nil, "", fmt.Errorf("reply of %d parts: want the last number, the next number, and records", len(reply))
	}
	last, err := strconv.ParseUint(reply[0], 10, 64)
	if err != nil {
		return nil, "", fmt.Errorf("last number: %w", err)
	}
	if below > last {
		return nil, "", fmt.Errorf("%w: %w", l.invalid, cursor.Fault(from))
	}
	if next, err = nextCursor(reply[1]); err != nil {
		return nil, "", err
	}
	page, err = decodeAll(reply[2:], l.read)
	return page, next, err
}

// args returns the arguments of page.lua. Without a filter no record is examined that is
// not returned.
func (l *listing[T]) args(below uint64, limit int) []string {
	from, examine := "+inf", limit
	if below > 0 {
		from = "(" + strconv.FormatUint(below, 10)
	}
	filter := l.filter
	if strings.Join(filter, "") == "" {
		filter = nil
	} else {
		examine = maxExamined
	}
	texts := recordHead + l.digests + 1 // Lua counts from 1
	return append([]string{from, strconv.Itoa(examine), strconv.Itoa(limit), l.before, strconv.Itoa(texts)}, filter...)
}

// equals returns the filter for texts that equal want. If want is empty, it is the one
// for any text.
func equals(want string) string { return unlessEmpty("=", want) }

// beginsWith returns the filter for texts that begin with prefix.
func beginsWith(prefix string) string { return unlessEmpty("^", prefix) }

func unlessEmpty(sign, text string) string {
	if text == "" {
		return ""
	}
	return sign + text
}

// decodeAll decodes records by read.
func decodeAll[T any](records []string, read func(string) (T, error)) (list []T, err error) {
	list = make([]T, len(records))
	for i := range list {
		if list[i], err = read(records[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// nextCursor returns the cursor of a number that page.lua replied, in base 36.
func nextCursor(number string) (string, error) {
	if number == "" {
		return "", nil
	}
	below, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return "", fmt.Errorf("next number: %w", err)
	}
	return cursor.Format(below), nil
}
