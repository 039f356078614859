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
	if len(c.Parts) > 1 {
		return s.takeParts(c, at, now)
	}
	p := &c.Parts[0]
	sh, slot := s.lockPlace(p)
	if sh == nil {
		if sh, slot = s.lockSubject(p); sh == nil {
			return false
		}
	}
	var u undo
	a, wall := sh.account(slot), at.UnixMicro()
	fits, known := a.spend(p, wall, now, &u)
	if known && !fits {
		a.undo(p.Meters, &u)
		a.showHeld(p, wall, now)
	}
	sh.mu.Unlock()
	c.OK = fits
	return known
}

// lockPlace locks the shard of p.Place and returns it, if the account of p's subject is
// there. The place is a hint: the account may have been evicted, or belong to another
// subject by now.
func (s *Store) lockPlace(p *store.Part) (*shard, uint32) {
	number, slot := p.Place>>32, uint32(p.Place)-1
	if p.Place == 0 || number >= uint64(len(s.shards)) {
		return nil, 0
	}
	sh := &s.shards[number]
	sh.mu.Lock()
	if slot < sh.slots && sh.account(slot).belongsTo(p.Subject) {
		return sh, slot
	}
	sh.mu.Unlock()
	return nil, 0
}

// lockSubject locks the shard of p's subject and returns it, if the subject has an
// account.
func (s *Store) lockSubject(p *store.Part) (*shard, uint32) {
	number, hash := s.hash(p.Subject)
	sh := &s.shards[number]
	sh.mu.Lock()
	if slot, known := sh.findSlot(hash, p.Subject); known {
		p.Place = placeOf(number, slot)
		return sh, slot
	}
	sh.mu.Unlock()
	return nil, 0
}

// placeOf returns the Part.Place of an account: its shard, and its slot plus one, so that
// zero is no place. With many subjects it spares a decision two cache misses, one after
// the other: the subject's bytes for their hash, and the index.
func placeOf(shard uint64, slot uint32) uint64 { return shard<<32 | uint64(slot+1) }

// An undo has what the cells of an account were before a charge.
type undo struct {
	cells [undoCells]int64 // of each meter in turn
}

// undoCells bounds the cells that the meters of one part may take on the fast path. It
// suffices for two units: two buckets, two quotas and two usage records take ten.
const undoCells = 16

// spend charges p and fills in its levels. It writes to the cells at once, and notes in u
// what they were: if a meter refuses, the caller takes the charge back. One loop over the
// meters is faster than one that decides and one that writes.
//
// known is false if the layout does not have every meter with its figures, or if p gives
// units back. Nothing has changed then, and the levels are undefined.
func (a *account) spend(p *store.Part, wall, now int64, u *undo) (fits, known bool) {
	fields, used := a.layout.fields, 0
	fits = true
	var unseen store.Level
	for i := range p.Meters {
		m, n, l := &p.Meters[i], p.N[i], &unseen

		// The charges of a subject name their meters in the same order.
		at := i
		if i >= len(fields) || !fields[i].sameMeter(m) {
			at = a.layout.indexOf(m)
		}
		if n < 0 || at < 0 || used+bucketCells > undoCells {
			a.undo(p.Meters[:i], u)
			return false, false
		}
		if p.Levels != nil {
			l = &p.Levels[i]
		}
		f, ok := &fields[at], false
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
			copy(u.cells[used:], cells[:])
			used += bucketCells
			b := bucketOf(cells, f)
			if ok = b.Spend(m, now, n, l); n > 0 {
				setBucket(cells, &b)
			}
		}
		fits = fits && ok
	}
	return fits, true
}

// undo puts back the cells of meters that spend has charged.
func (a *account) undo(meters []store.Meter, u *undo) {
	used := 0
	for i := range meters {
		f := &a.layout.fields[a.layout.indexOf(&meters[i])]
		if f.IsWindow() {
			*a.cell(f.cell) = u.cells[used]
			used += windowCells
		} else {
			copy(a.bucketCells(f.cell)[:], u.cells[used:])
			used += bucketCells
		}
	}
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

// indexOf returns the index of the field that was charged as m, or -1.
func (l *layout) indexOf(m *store.Meter) int {
	for i := range l.fields {
		if l.fields[i].sameMeter(m) {
			return i
		}
	}
	return -1
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
		if i := a.layout.indexOf(m); i >= 0 {
			ok = a.takeBucket(&a.layout.fields[i], m, now, n, &l)
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
