package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ration-go/ration/store"
)

// A row has the state of one meter of a subject, as it is in the file or has to be.
type row struct {
	subject, name string
	start         int64 // of a window
	isWindow      bool

	state store.State
	ends  int64 // of a window, in Unix seconds
	keep  int64 // kept_until or full_by, in Unix seconds

	stored   bool // the file has the row
	changed  bool // the file has another state
	extended bool // the file has an earlier ends or keep
}

// set gives r the state that follows from a charge of m.
func (r *row) set(state store.State, m *store.Meter) {
	r.state, r.changed = state, true
	ends, keep := int64(0), fullBy(&state.Bucket, m)
	if r.isWindow {
		ends, keep = m.End, m.KeptUntil()
	}
	if ends > r.ends || keep > r.keep {
		r.ends, r.keep, r.extended = max(r.ends, ends), max(r.keep, keep), true
	}
}

// fullBy returns a whole hour by which a bucket is full, in Unix seconds. An exact time
// would change with every charge, and its index with it.
func fullBy(b *store.Bucket, m *store.Meter) int64 {
	const hour = int64(time.Hour / time.Microsecond)
	at := b.FullAt(m)
	if at > math.MaxInt64-hour {
		return store.MaxUnits // nothing refills it
	}
	return (at/hour + 1) * 3600
}

// write writes r to the file.
func (r *row) write(s *statements) (err error) {
	w, b := &r.state.Window, &r.state.Bucket
	subject, name := []byte(r.subject), []byte(r.name)
	switch {
	case r.isWindow && !r.stored:
		_, err = s.insertWindow.Exec(w.Used, w.Extra, w.Last, r.ends, r.keep, subject, name, r.start)
	case r.isWindow && r.extended:
		_, err = s.extendWindow.Exec(w.Used, w.Extra, w.Last, r.ends, r.keep, subject, name, r.start)
	case r.isWindow:
		_, err = s.updateWindow.Exec(w.Used, w.Extra, w.Last, subject, name, r.start)
	case !r.stored:
		_, err = s.insertBucket.Exec(b.Tokens, b.Part, b.Per, b.Last, r.keep, subject, name)
	case r.extended:
		_, err = s.extendBucket.Exec(b.Tokens, b.Part, b.Per, b.Last, r.keep, subject, name)
	default:
		_, err = s.updateBucket.Exec(b.Tokens, b.Part, b.Per, b.Last, subject, name)
	}
	r.stored, r.changed, r.extended = true, false, false
	return err
}

// read reads the state of r, whose subject, name and start are set.
func (r *row) read(l *lookups) (err error) {
	if r.isWindow {
		err = r.scanWindow(l.window.QueryRow([]byte(r.subject), []byte(r.name), r.start))
	} else {
		b := &r.state.Bucket
		err = l.bucket.QueryRow([]byte(r.subject), []byte(r.name)).Scan(&b.Tokens, &b.Part, &b.Per, &b.Last, &r.keep)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	r.stored = err == nil
	if err == nil {
		err = r.check()
	}
	return err
}

// scanner is a row of a result.
type scanner interface{ Scan(to ...any) error }

func (r *row) scanWindow(from scanner) error {
	w := &r.state.Window
	return from.Scan(&r.start, &w.Used, &w.Extra, &w.Last, &r.ends, &r.keep)
}

// check returns an error if no Store can have written r. The tables have the same
// constraints. A file that is damaged, or whose constraints were turned off, may break
// them.
func (r *row) check() error {
	w, b := &r.state.Window, &r.state.Bucket
	isUnits := func(n int64) bool { return n >= 0 && n <= store.MaxUnits }
	sound := isUnits(w.Used) && isUnits(max(w.Extra, -w.Extra)) && w.Last >= 0 && w.Last <= store.MaxLast
	table := "ration_windows"
	if !r.isWindow {
		sound = isUnits(b.Tokens) && b.Per > 0 && isUnits(b.Per) && b.Part >= 0 && b.Part < b.Per
		table = "ration_buckets"
	}
	if !sound {
		return fmt.Errorf("%w: table %s, subject %.100q, name %.100q", errRow, table, r.subject, r.name)
	}
	return nil
}
