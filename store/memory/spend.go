package memory

import (
	"time"

	"github.com/ration-go/ration/store"
)

// An undo has what the cells of accounts were before a charge. Each shard has one, which
// its lock guards: on the stack it would have to be cleared for every charge.
type undo struct {
	used      int
	wall, now int64
	refused   bool
	cells     [undoCells]int64 // of each meter in turn
	unseen    store.Level      // of meters whose level nobody wants to know
}

// undoCells bounds the cells that the parts of one charge may take on the fast path. It
// suffices for any single part, and for six parts of two buckets and four windows each.
const undoCells = 6 * 16

// begin returns the shard's undo for a charge at an instant.
func (sh *shard) begin(at time.Time, now int64) *undo {
	if sh.undo == nil {
		sh.undo = new(undo)
	}
	u := sh.undo
	u.wall, u.now, u.used, u.refused = at.UnixMicro(), now, 0, false
	return u
}

// spend charges p and fills in its levels. It writes to the cells at once, and notes in u
// what they were: if a meter refuses, the caller takes the charge back. One loop over the
// meters is faster than one that decides and one that writes.
//
// known is false if the layout does not have every meter with its figures, or if p gives
// units back. Nothing has changed then, and the levels are undefined.
func (a *account) spend(p *store.Part, u *undo) (known bool) {
	if u.used+bucketCells*len(p.Meters) > undoCells {
		return false
	}
	first := u.used
	for i := 0; i < len(p.Meters); i++ {
		m := &p.Meters[i]

		// The charges of a subject name their meters in the same order.
		var f *field
		if fields := a.layout.fields; i < len(fields) && fields[i].sameMeter(m) {
			f = &fields[i]
		} else {
			f = a.layout.findSameMeter(m)
		}
		n, l := p.N[i], &u.unseen
		if n < 0 || f == nil {
			a.undo(p.Meters[:i], u.cells[first:])
			return false
		}
		if i < len(p.Levels) {
			l = &p.Levels[i]
		}
		if f.IsWindow() {
			cell := a.cell(f.cell)
			u.cells[u.used] = *cell
			u.used += windowCells
			w := windowOf(*cell, f.extra)
			if !w.Spend(m, u.wall, n, l) {
				u.refused = true
			}
			if n > 0 {
				*cell = windowCell(&w)
			}
		} else {
			cells := a.bucketCells(f.cell)
			saved := (*[bucketCells]int64)(u.cells[u.used:])
			saved[0], saved[1], saved[2] = cells[0], cells[1], cells[2] // a copy would call memmove
			u.used += bucketCells
			b := bucketOf(cells, f)
			if !b.Spend(m, u.now, n, l) {
				u.refused = true
			}
			if n > 0 {
				setBucket(cells, &b)
			}
		}
	}
	return true
}

// undo puts back the cells of meters that spend has charged, and returns the rest of
// saved.
func (a *account) undo(meters []store.Meter, saved []int64) (rest []int64) {
	for i := range meters {
		f := a.layout.findSameMeter(&meters[i])
		if f.IsWindow() {
			*a.cell(f.cell) = saved[0]
			saved = saved[windowCells:]
		} else {
			copy(a.bucketCells(f.cell)[:], saved)
			saved = saved[bucketCells:]
		}
	}
	return saved
}

// showHeld fills in the levels of a part after a refusal: nothing was taken. The meters
// that the charge did not fit keep their Wait.
func (a *account) showHeld(p *store.Part, u *undo) {
	for i := range p.Levels {
		m, l := &p.Meters[i], &p.Levels[i]
		wait := l.Wait
		st := a.readState(m, i)
		_, *l, _ = st.Take(m, u.wall, u.now, 0)
		l.Wait = wait
	}
}

// findSameMeter returns the field that was charged as m, or nil.
func (l *layout) findSameMeter(m *store.Meter) *field {
	for i := range l.fields {
		if f := &l.fields[i]; f.sameMeter(m) {
			return f
		}
	}
	return nil
}
