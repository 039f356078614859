package directory

import "fmt"

// A cell receives a column of a row. It keeps the first error of the row, because the
// errors of drivers do not say which record it is.
type cell struct {
	scan func(src any) error
	fail func(error)
}

// Scan implements sql.Scanner.
func (c *cell) Scan(src any) error {
	if src == nil {
		return nil
	}
	if err := c.scan(src); err != nil {
		c.fail(err)
	}
	return nil
}

// A reading reads a record of a table from some of the columns of a row.
type reading[T any] struct {
	table  *table[T]
	record T
	seq    int64 // 0 if the columns are NULL, as after a LEFT JOIN that found no row
	err    error
}

// cells returns what to scan the columns of t.list into.
func (r *reading[T]) cells() []any {
	fields := r.table.fields(&r.record)
	cells := make([]any, 0, len(fields)+1)
	add := func(column string, scan func(any) error) {
		cells = append(cells, &cell{scan, func(err error) {
			if r.err == nil {
				r.err = fmt.Errorf("column %s: %w", column, err)
			}
		}})
	}
	add("seq", func(src any) (err error) { r.seq, err = intOf(src); return err })
	for i := range fields {
		add(fields[i].column, fields[i].scan)
	}
	return cells
}

// result returns the record. The error names the table and the record.
func (r *reading[T]) result() (record T, err error) {
	if r.err != nil {
		var none T
		return none, fmt.Errorf("table %s: %s: %w", r.table.name, r.table.label(&r.record), r.err)
	}
	return r.record, nil
}
