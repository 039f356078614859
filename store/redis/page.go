package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/ration-go/ration/apikey"
)

// examined is the most records that one page looks at.
const examined = 1000

// listing is records in an order of the directory. A cursor is a number below which a
// listing goes on; no number is given twice, so what comes and goes meanwhile does not
// disturb it.
type listing[T any] struct {
	order, records string
	before         string        // what the names of the records have before the members of the order
	filter         apikey.Filter // of keys
	read           func(record string) (T, error)
	invalid        error // what a fault of the caller's wraps
}

// page is up to limit records, newest first, from a cursor on, and the next cursor.
func (l *listing[T]) page(ctx context.Context, s *Store, cursor string, limit int) (page []T, next string, err error) {
	below, err := parse(cursor)
	if limit < 1 {
		err = errors.Join(err, fmt.Errorf("limit: %d: want 1 or more", limit))
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", l.invalid, err)
	}
	reply, err := s.ask(ctx, paging, []string{s.named("last"), s.named(l.order), s.named(l.records)},
		l.args(below, min(limit, examined))).AsStrSlice()
	if err != nil {
		return nil, "", err
	}
	if len(reply) < 2 {
		return nil, "", fmt.Errorf("reply of %d parts: want the last number, the next one, and records", len(reply))
	}
	last, err := strconv.ParseUint(reply[0], 10, 64)
	if err != nil {
		return nil, "", fmt.Errorf("last number: %w", err)
	}
	if below > last {
		return nil, "", fmt.Errorf("%w: %w", l.invalid, badCursor(cursor))
	}
	if next, err = cursorOf(reply[1]); err != nil {
		return nil, "", err
	}
	page, err = each(reply[2:], l.read)
	return page, next, err
}

// args are those of page.lua. What is not filtered needs no look at more than is
// returned.
func (l *listing[T]) args(below uint64, limit int) []string {
	from, look := "+inf", limit
	if below > 0 {
		from = "(" + strconv.FormatUint(below, 10)
	}
	if l.filter != (apikey.Filter{}) {
		look = examined
	}
	return []string{from, strconv.Itoa(look), strconv.Itoa(limit), l.before, l.filter.NamePrefix, l.filter.CustomerID}
}

// each is the records, read.
func each[T any](records []string, read func(string) (T, error)) (list []T, err error) {
	list = make([]T, len(records))
	for i := range list {
		if list[i], err = read(records[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// cursorOf is the cursor of a number that page.lua replied.
func cursorOf(number string) (string, error) {
	if number == "" {
		return "", nil
	}
	below, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return "", fmt.Errorf("next number: %w", err)
	}
	return strconv.FormatUint(below, 36), nil
}

// parse is the number below which a listing goes on; 0 begins. There is a record below
// every cursor that a page gave.
func parse(cursor string) (below uint64, err error) {
	if cursor == "" {
		return 0, nil
	}
	below, err = strconv.ParseUint(cursor, 36, 64)
	if err != nil || below < 2 || strconv.FormatUint(below, 36) != cursor {
		return 0, badCursor(cursor)
	}
	return below, nil
}

func badCursor(cursor string) error {
	return fmt.Errorf("cursor: %.40q: want one that a listing gave", cursor)
}
