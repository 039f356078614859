// Package pages walks through listings that come a page at a time.
package pages

import "iter"

// Size is how many records a walk through a listing reads at a time.
const Size = 500

// All returns the pages of a listing, one after the other. It ends with the first error.
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
