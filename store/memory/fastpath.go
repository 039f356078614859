package memory

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// There are two shortcuts. Each one decides the common case under the shard's lock, and
// otherwise changes nothing and lets takeSlow decide (take.go):
//
//   - takeFast charges accounts whose layouts have every meter with its figures. Nearly
//     every charge is one. The others are the first of an account, the first of a window,
//     refunds, and a few unusual ones. With a Place it also skips the hash of the subject
//     and the search in the index.
//   - TakeOne decides on one bucket without a Charge.

// takeFast decides a charge if it can, and reports whether it did. If not, nothing has
// changed.
func (s *Store) takeFast(c *store.Charge, at time.Time, now int64) bool {
	if c.Op != store.Spend || len(c.Parts) != 1 {
		return c.Op == store.Spend && s.takeParts(c, at, now)
	}
	p := &c.Parts[0]
	if !fitting(p) {
		return false
	}
	sh, a := s.lockPlace(p)
	if a == nil {
		if sh, a = s.lockSubject(p); a == nil {
			return false
		}
	}
	u, wall := sh.scratch(), at.UnixMicro()
	u.used = 0
	fits, known := a.spend(p, wall, now, u)
	if known && !fits {
		a.undo(p.Meters, u.cells[:])
		a.showHeld(p, wall, now)
	}
	sh.mu.Unlock()
	c.OK = fits
	return known
}

// fitting reports whether the lengths of p's slices agree. It is all that Check asks of a
// part whose subject has an account with all of its meters: their figures passed Check when
// they were first charged.
func fitting(p *store.Part) bool {
	return len(p.N) == len(p.Meters) && len(p.Meters) <= store.MaxMeters &&
		(p.Levels == nil || len(p.Levels) == len(p.Meters))
}

// lockPlace locks the shard of p.Place and returns it, if the account of p's subject is
// there. The place is a hint: the account may have been evicted, or belong to another
// subject by now.
func (s *Store) lockPlace(p *store.Part) (*shard, *account) {
	number, slot := p.Place>>32, uint32(p.Place)-1
	if p.Place == 0 || number >= uint64(len(s.shards)) {
		return nil, nil
	}
	sh := &s.shards[number]
	sh.mu.Lock()
	if slot < sh.slots {
		if a := sh.account(slot); a.belongsTo(p.Subject) {
			return sh, a
		}
	}
	sh.mu.Unlock()
	return nil, nil
}

// lockSubject locks the shard of p's subject and returns it, if the subject has an
// account. Most subjects have no '>', so it looks in the shard that the whole subject's
// hash chooses before it searches for one, which would take 5 ns.
func (s *Store) lockSubject(p *store.Part) (*shard, *account) {
	hash := maphash.String(s.seed, p.Subject)
	if sh, a := s.lockIn(hash>>s.shift, hash, p); a != nil {
		return sh, a
	}
	number := s.family(p.Subject, hash)
	if number == hash>>s.shift {
		return nil, nil
	}
	return s.lockIn(number, hash, p)
}

// lockIn locks a shard and returns it, if it has the account of p's subject.
func (s *Store) lockIn(number, hash uint64, p *store.Part) (*shard, *account) {
	sh := &s.shards[number]
	sh.mu.Lock()
	if slot, known := sh.findSlot(hash, p.Subject); known {
		p.Place = placeOf(number, slot)
		return sh, sh.account(slot)
	}
	sh.mu.Unlock()
	return nil, nil
}

// placeOf returns the Part.Place of an account: its shard, and its slot plus one, so that
// zero is no place. With many subjects it spares a decision two cache misses, one after
// the other: the subject's bytes for their hash, and the index.
func placeOf(shard uint64, slot uint32) uint64 { return shard<<32 | uint64(slot+1) }

// An undo has what the cells of accounts were before a charge. Each shard has one, which
// its lock guards: on the stack it would have to be cleared for every charge.
type undo struct {
	used   int
	cells  [undoCells]int64 // of each meter in turn
	unseen store.Level      // of meters whose level nobody wants to know
}

// undoCells bounds the cells that the parts of one charge may take on the fast path. It
// suffices for any single part, and for six parts of two buckets and four windows each.
const undoCells = 6 * 16

// scratch returns the shard's undo.
func (sh *shard) scratch() *undo {
	if sh.undo == nil {
		sh.undo = new(undo)
	}
	return sh.undo
}

// spend charges p and fills in its levels. It writes to the cells at once, and notes in u
// what they were: if a meter refuses, the caller takes the charge back. One loop over the
// meters is faster than one that decides and one that writes.
//
// known is false if the layout does not have every meter with its figures, or if p gives
// units back. Nothing has changed then, and the levels are undefined.
func (a *account) spend(p *store.Part, wall, now int64, u *undo) (fits, known bool) {
	fields, meters, levels := a.layout.fields, p.Meters, p.Levels
	ns, first := p.N[:len(meters)], u.used
	if first+bucketCells*len(meters) > undoCells {
		return false, false
	}
	used := first
	fits = true
	for i := range meters {
		m, n, l := &meters[i], ns[i], &u.unseen
		if i < len(levels) {
			l = &levels[i]
		}

		// The charges of a subject name their meters in the same order.
		var f *field
		if i < len(fields) && fields[i].sameMeter(m) {
			f = &fields[i]
		} else {
			f = a.layout.findSameMeter(m)
		}
		if n < 0 || f == nil {
			a.undo(meters[:i], u.cells[first:])
			return false, false
		}
		ok := false
		if f.IsWindow() {
			cell := a.cell(f.cell)
			u.cells[used] = *cell
			used += windowCells
			w := windowOf(*cell, f.extra)
			if ok = w.Spend(m, wall, n, l); n > 0 {
				*cell = windowCell(&w)
			}
		} else {
			cells := a.bucketCells(f.cell)
			saved := (*[bucketCells]int64)(u.cells[used:])
			saved[0], saved[1], saved[2] = cells[0], cells[1], cells[2] // a copy would call memmove
			used += bucketCells
			b := bucketOf(cells, f)
			if ok = b.Spend(m, now, n, l); n > 0 {
				setBucket(cells, &b)
			}
		}
		fits = fits && ok
	}
	u.used = used
	return fits, true
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
func (a *account) showHeld(p *store.Part, wall, now int64) {
	for i := range p.Levels {
		m, l := &p.Meters[i], &p.Levels[i]
		wait := l.Wait
		st := a.readState(m, i)
		_, *l, _ = st.Take(m, wall, now, 0)
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

// TakeOne implements store.OneTaker. A bucket that was charged before takes the fast
// path.
func (s *Store) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (l store.Level, ok bool, err error) {
	if m.IsWindow() || n < 0 || ctx.Err() != nil {
		return s.slowPath.TakeOne(ctx, subject, m, at, n)
	}
	now := s.micros(at)
	hash := maphash.String(s.seed, subject)
	sh := &s.shards[hash>>s.shift] // right for all but members of a family
	sh.mu.Lock()
	if a := sh.find(hash, subject); a != nil {
		if f := a.layout.findSameMeter(m); f != nil {
			ok = a.takeBucket(f, m, now, n, &l)
			sh.mu.Unlock()
			return l, ok, nil
		}
	}
	sh.mu.Unlock()
	return s.slowPath.TakeOne(ctx, subject, m, at, n)
}

func (a *account) takeBucket(f *field, m *store.Meter, now, n int64, l *store.Level) (ok bool) {
	cells := a.bucketCells(f.cell)
	b := bucketOf(cells, f)
	if ok = b.Spend(m, now, n, l); ok && n > 0 {
		setBucket(cells, &b)
	}
	return ok
}

// slowPath is a Store that has Take but not TakeOne, so that store.One makes a OneTaker
// of it that builds a Charge.
type slowPath struct{ store *Store }

// Take implements store.Counter.
func (p slowPath) Take(ctx context.Context, c *store.Charge) error { return p.store.Take(ctx, c) }
