package transfer

import "context"

// A listing returns a page of records, newest first, and the next cursor.
type listing[T any] func(ctx context.Context, cursor string, limit int) (page []T, next string, err error)

// A walk goes through a listing from its end. It keeps one page at a time, and the
// cursors of all.
type walk[T any] struct {
	list    listing[T]
	limit   int
	cursors []string
	page    []T // what is left of the current one; the last record comes next
}

// oldestFirst returns a walk that begins with the oldest record.
func oldestFirst[T any](ctx context.Context, list listing[T], limit int) (*walk[T], error) {
	w := &walk[T]{list: list, limit: limit, cursors: []string{""}}
	for cursor := ""; ; {
		_, next, err := list(ctx, cursor, limit)
		if err != nil {
			return nil, err
		}
		if cursor = next; cursor == "" {
			return w, nil
		}
		w.cursors = append(w.cursors, cursor)
	}
}

// next returns the next record, or nil if there are no more. It is valid until the next
// call. turned reports whether a page is done with it.
func (w *walk[T]) next(ctx context.Context) (record *T, turned bool, err error) {
	for len(w.page) == 0 && len(w.cursors) > 0 {
		last := len(w.cursors) - 1
		if w.page, _, err = w.list(ctx, w.cursors[last], w.limit); err != nil {
			return nil, false, err
		}
		w.cursors = w.cursors[:last]
	}
	if len(w.page) == 0 {
		return nil, true, nil
	}
	last := len(w.page) - 1
	record, w.page = &w.page[last], w.page[:last]
	return record, last == 0, nil
}
