// Package pages iterates over listings that return one page at a time.
package pages

import "iter"

// Size is the number of records in a page of such an iteration.
const Size = 500

// All yields the pages of a listing in order. It stops after the first error.
func All[T any](page func(cursor string) (list []T, next string, err error)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for cursor := ""; ; {
			list, next, err := page(cursor)
			if !yield(list, err) || err != nil || next == "" {
				return
			}
			cursor = next
		}
	}
}
