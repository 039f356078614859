// Package cursor encodes the place in a listing at which the next page begins. Records
// are numbered as they are inserted, and listings go from the newest to the oldest.
package cursor

import (
	"fmt"
	"strconv"
)

// base keeps cursors short, with digits and lower-case letters alone.
const base = 36

// Format returns the cursor of the page that begins below a record's number.
func Format(number uint64) string { return strconv.FormatUint(number, base) }

// Parse returns the number below which a page begins, or 0 for the empty cursor, which is
// that of the first page. Only a page with a record below it has a cursor, so the least
// number is 2.
func Parse(cursor string) (uint64, error) {
	if cursor == "" {
		return 0, nil
	}
	number, err := strconv.ParseUint(cursor, base, 64)
	if err != nil || number < 2 || Format(number) != cursor {
		return 0, Fault(cursor)
	}
	return number, nil
}

// Fault returns the error for a cursor that no listing has returned.
func Fault(cursor string) error {
	return fmt.Errorf("cursor: %.40q: want one that a listing gave", cursor)
}
