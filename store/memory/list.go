package memory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/internal/cursor"
)

// A list holds records in the order in which they were added. A page of it costs the same
// however long the list is.
//
// Each record has a number, and a directory gives no number twice, not even in two of its
// lists. A cursor is a number: the next page lists the records with smaller ones. So
// records that come or go between two pages do not disturb a listing.
type list[T any] struct {
	items   []*item[T] // by number; the deleted ones stay until they are more than half
	deleted int
}

type item[T any] struct {
	number  uint64
	record  T
	deleted bool
}

// add appends a record. Its number is greater than all before it.
func (l *list[T]) add(number uint64, record T) *item[T] {
	it := &item[T]{number: number, record: record}
	l.items = append(l.items, it)
	return it
}

// remove drops the record of an item at once, and its place in the order later: to close
// the gap moves all items behind it, which is worth it only for many gaps at a time.
func (l *list[T]) remove(it *item[T]) {
	it.record, it.deleted = *new(T), true
	if l.deleted++; l.deleted > len(l.items)/2 {
		l.items = slices.DeleteFunc(l.items, func(it *item[T]) bool { return it.deleted })
		l.deleted = 0
	}
}

// maxExamined is the most records that one page looks at. It bounds the time for which a
// listing with a narrow filter holds the lock.
const maxExamined = 1000

// page returns up to limit wanted records from a cursor on, newest first, and the next
// cursor. last is the last number that the directory has given. The error names the
// argument that is wrong.
func (l *list[T]) page(last uint64, from string, limit int, want func(*T) bool) (page []T, next string, err error) {
	number, err := parseCursor(from, last)
	if limit < 1 {
		err = errors.Join(err, fmt.Errorf("limit: %d: want 1 or more", limit))
	}
	if err != nil {
		return nil, "", err
	}

	i, _ := slices.BinarySearchFunc(l.items, number, func(it *item[T], number uint64) int {
		return cmp.Compare(it.number, number)
	})
	page = make([]T, 0, min(limit, i, maxExamined)) // limit may be far above what there is
	for end := max(i-maxExamined, 0); i > end && len(page) < limit; i-- {
		if it := l.items[i-1]; !it.deleted && want(&it.record) {
			page = append(page, it.record)
		}
	}
	if i == 0 {
		return page, "", nil
	}

	// A page lists the numbers below its cursor, so this one begins the next page with the
	// record at i-1, or with the next older one if that record is deleted by then.
	return page, cursor.Format(l.items[i-1].number + 1), nil
}

// parseCursor returns the number before which a listing goes on. The empty cursor begins
// at the newest record. A number above last did not come from a listing of this
// directory.
func parseCursor(text string, last uint64) (uint64, error) {
	number, err := cursor.Parse(text)
	switch {
	case err != nil:
		return 0, err
	case number == 0:
		return last + 1, nil
	case number > last:
		return 0, cursor.Fault(text)
	}
	return number, nil
}
