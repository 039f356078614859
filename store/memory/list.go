package memory

import (
	"cmp"
	"slices"
	"strconv"
)

// list is records in the order in which they came. A page of it costs the same however long it is, and is not disturbed by
// what comes and goes meanwhile: a cursor is the number of the last record that was looked at, and no number is given
// twice.
type list[T any] struct {
	items []*item[T] // by number; those that are gone stay until they are half of it
	last  uint64
	gone  int
}

type item[T any] struct {
	number uint64
	record T
	gone   bool
}

func (l *list[T]) add(record T) *item[T] {
	l.last++
	it := &item[T]{number: l.last, record: record}
	l.items = append(l.items, it)
	return it
}

func (l *list[T]) remove(it *item[T]) {
	it.gone = true
	if l.gone++; l.gone > len(l.items)/2 {
		l.items = slices.DeleteFunc(l.items, func(it *item[T]) bool { return it.gone })
		l.gone = 0
	}
}

// examined is the most records that one page looks at.
const examined = 1000

// page is up to limit records, newest first, from the one before cursor on, and the next cursor. It is false for a cursor
// that no page gave.
func (l *list[T]) page(cursor string, limit int, want func(*T) bool) (page []T, next string, ok bool) {
	i := len(l.items)
	if cursor != "" {
		number, err := strconv.ParseUint(cursor, 36, 64)
		if err != nil || strconv.FormatUint(number, 36) != cursor || number > l.last {
			return nil, "", false
		}
		i, _ = slices.BinarySearchFunc(l.items, number, func(it *item[T], number uint64) int {
			return cmp.Compare(it.number, number)
		})
	}
	page = make([]T, 0, min(limit, i))
	for end := max(i-examined, 0); i > end && len(page) < limit; i-- {
		if it := l.items[i-1]; !it.gone && want(&it.record) {
			page = append(page, it.record)
		}
	}
	if i == 0 {
		return page, "", true
	}
	return page, strconv.FormatUint(l.items[i-1].number+1, 36), true
}
