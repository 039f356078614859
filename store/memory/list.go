package memory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// list is records in the order in which they came. A page of it costs the same however
// long it is, and is not disturbed by what comes and goes meanwhile: a cursor is a number
// before which a listing goes on, and no number is given twice in a directory, whose
// lists share them.
type list[T any] struct {
	items []*item[T] // by number; those that are gone stay until they are half of it
	gone  int
}

type item[T any] struct {
	number uint64
	record T
	gone   bool
}

// add keeps a record under a number that is greater than all before.
func (l *list[T]) add(number uint64, record T) *item[T] {
	it := &item[T]{number: number, record: record}
	l.items = append(l.items, it)
	return it
}

// remove forgets the record of an item, whose place in the order stays for a while.
func (l *list[T]) remove(it *item[T]) {
	it.record, it.gone = *new(T), true
	if l.gone++; l.gone > len(l.items)/2 {
		l.items = slices.DeleteFunc(l.items, func(it *item[T]) bool { return it.gone })
		l.gone = 0
	}
}

// examined is the most records that one page looks at.
const examined = 1000

// page is up to limit records that are wanted, newest first, from a cursor on, and the
// next cursor. The last number that the directory has given tells cursors from what
// cannot be one. The error tells what is wrong with an argument.
func (l *list[T]) page(last uint64, cursor string, limit int, want func(*T) bool) (page []T, next string, err error) {
	number, err := parse(cursor, last)
	if limit < 1 {
		err = errors.Join(err, fmt.Errorf("limit: %d: want 1 or more", limit))
	}
	if err != nil {
		return nil, "", err
	}
	i, _ := slices.BinarySearchFunc(l.items, number, func(it *item[T], number uint64) int {
		return cmp.Compare(it.number, number)
	})
	page = make([]T, 0, min(limit, i, examined))
	for end := max(i-examined, 0); i > end && len(page) < limit; i-- {
		if it := l.items[i-1]; !it.gone && want(&it.record) {
			page = append(page, it.record)
		}
	}
	if i == 0 {
		return page, "", nil
	}
	return page, strconv.FormatUint(l.items[i-1].number+1, 36), nil
}

// parse is the number before which a listing goes on. A cursor that a page gave lies
// between two records.
func parse(cursor string, last uint64) (uint64, error) {
	if cursor == "" {
		return last + 1, nil
	}
	number, err := strconv.ParseUint(cursor, 36, 64)
	if err != nil || number < 2 || number > last || strconv.FormatUint(number, 36) != cursor {
		return 0, fmt.Errorf("cursor: %.40q: want one that a listing gave", cursor)
	}
	return number, nil
}
