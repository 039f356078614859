package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// table is a Markdown table: its rows of cells, of which the first names the columns.
type table [][]string

// find returns the table of a page whose header begins with these cells.
func find(page string, header ...string) (table, error) {
	for block := range strings.SplitSeq(page, "\n\n") {
		if !strings.HasPrefix(block, "|") {
			continue
		}
		var t table
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			t = append(t, cells)
		}
		if len(t) > 2 && len(t[0]) >= len(header) && slices.Equal(t[0][:len(header)], header) {
			return slices.Delete(t, 1, 2), nil // without the line of dashes
		}
	}
	return nil, fmt.Errorf("no table begins with the columns %q", header)
}

// number returns the cell of a column in the row that begins with these cells.
func (t table) number(column string, row ...string) (float64, error) {
	i := slices.Index(t[0], column)
	for _, cells := range t[1:] {
		if i >= 0 && len(cells) > i && slices.Equal(cells[:len(row)], row) {
			return strconv.ParseFloat(cells[i], 64)
		}
	}
	return 0, fmt.Errorf("no figure in the column %q and the row %q", column, row)
}
