package directory

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ration-go/ration/internal/cursor"
)

// maxExamined is the most records that are examined for one page. It bounds the work of a
// page whose filter selects little.
const maxExamined = 1000

// A filter selects records by a column. Unless always is set, an empty value selects
// every record.
type filter struct {
	column  string
	value   string
	begins  bool // the text begins with the value
	part    bool // the value is a part of the text: see Dialect.Part
	indexed bool // the table has an index of the column and seq
	long    bool // the index may have the beginning of the text alone
	always  bool

	// since, if not zero, is the earliest time that the column may have. There is no value.
	since time.Time
}

// A listing is the query for a page.
type listing struct {
	query    string
	args     []any
	examined int // if not 0, how many records are examined at most
}

// list returns up to limit records, those from a cursor on, and the next cursor. A cursor
// is a number: the page has records with smaller numbers. No number is given twice, so
// records that come and go between two pages do not disturb the listing.
//
// The filters are conditions of the query. They may select more than passes does.
func list[T any](ctx context.Context, s *Store, t *table[T], from string, limit int, passes func(*T) bool, filters ...filter) (page []T, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	below, err := below(ctx, s, t, from)
	if err != nil {
		return nil, "", err
	}
	if limit < 1 {
		return nil, "", fmt.Errorf("%w: limit: %d: want 1 or more", t.faults.invalid, limit)
	}
	limit = min(limit, maxExamined)
	l := t.listing(s.dialect, below, limit+1, filters)
	p, err := query(ctx, s.db, l.query, l.args, func(p *rows[T], row Row) error {
		r := reading[T]{table: t}
		number := func(to *int64) *cell {
			return &cell{func(src any) (err error) { *to, err = intOf(src); return err }, func(err error) { r.err = err }}
		}
		if err := row.Scan(append(r.cells(), number(&p.low), number(&p.examined))...); err != nil {
			return err
		}
		record, err := r.result()
		if err != nil || r.seq == 0 {
			return err
		}
		if p.found == limit { // a record of the next page
			p.next = cursor.Format(uint64(p.last))
			return nil
		}
		if p.found, p.last = p.found+1, r.seq; passes(&record) {
			p.page = append(p.page, record)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	if p.next == "" && l.examined > 0 && p.examined == int64(l.examined) && p.low > 1 {
		p.next = cursor.Format(uint64(p.low))
	}
	return p.page, p.next, nil
}

// rows are what a listing has read so far.
type rows[T any] struct {
	page  []T
	next  string // the next cursor
	found int    // how many records there were, with those that do not pass
	last  int64  // the number of the last of them

	low, examined int64 // of the listing's last two columns
}

// below returns the number below which the page of a cursor begins.
func below[T any](ctx context.Context, s *Store, t *table[T], from string) (int64, error) {
	number, err := cursor.Parse(from)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", t.faults.invalid, err)
	}
	if number == 0 {
		return math.MaxInt64, nil
	}
	last, err := query(ctx, s.db, s.dialect.Last(t.name), nil, func(last *int64, row Row) error { return row.Scan(last) })
	if err == nil && number > uint64(last) {
		err = fmt.Errorf("%w: %w", t.faults.invalid, cursor.Fault(from))
	}
	return int64(number), err
}

// listing returns the query for at most limit records below a number. The rows have the
// columns of a record, the least number that was examined, and how many were.
//
// The first filter with an index is enough to find the records in their order. If there
// are others, they select from a bounded number of these.
func (t *table[T]) listing(d *Dialect, below int64, limit int, filters []filter) listing {
	l := listing{args: []any{below, int64(limit)}}
	inner, outer := []string{"seq < " + d.parameter(1, Int)}, []string{}
	for _, f := range filters {
		if f.value == "" && !f.always && f.since.IsZero() {
			continue
		}
		condition := l.condition(d, f)
		if f.indexed && len(inner) == 1 {
			inner = append(inner, condition)
		} else {
			outer = append(outer, condition)
		}
	}
	found := fmt.Sprintf("FROM %s WHERE %s ORDER BY seq DESC", t.name, strings.Join(inner, " AND "))
	if len(outer) == 0 {
		l.query = fmt.Sprintf("SELECT %s, 0, 0 %s LIMIT %s", t.list(t.name), found, d.parameter(2, Int))
		return l
	}
	l.examined = maxExamined
	l.args = append(l.args, int64(l.examined))
	l.query = fmt.Sprintf("WITH examined AS MATERIALIZED (SELECT * %s LIMIT %s), "+
		"bound AS (SELECT min(seq) AS low, count(*) AS examined FROM examined) "+
		"SELECT %s, bound.low, bound.examined FROM bound LEFT JOIN "+
		"(SELECT * FROM examined WHERE %s ORDER BY seq DESC LIMIT %s) AS t ON true ORDER BY t.seq DESC",
		found, d.parameter(len(l.args), Int), t.list("t"), strings.Join(outer, " AND "), d.parameter(2, Int))
	return l
}

// condition returns the condition of a filter, and adds its argument to l.
func (l *listing) condition(d *Dialect, f filter) string {
	if !f.since.IsZero() {
		l.args = append(l.args, d.Time(f.since))
		return f.column + " >= " + d.parameter(len(l.args), Time)
	}
	if f.begins {
		l.args = append(l.args, []byte(f.value))
		return d.Begins(f.column, d.parameter(len(l.args), Bytes))
	}
	l.args = append(l.args, f.value)
	if f.part {
		return d.Part(f.column, d.parameter(len(l.args), Text))
	}
	if f.long {
		return d.Equals(f.column, d.parameter(len(l.args), Text))
	}
	return f.column + " = " + d.parameter(len(l.args), Text)
}

// all selects every record.
func all[T any](*T) bool { return true }
