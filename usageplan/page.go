package usageplan

import "iter"

// pageSize is how many records a walk through all of them reads at a time.
const pageSize = 500

// pages walks through a listing. It ends with the first error.
func pages[T any](page func(cursor string) (list []T, next string, err error)) iter.Seq2[[]T, error] {
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
