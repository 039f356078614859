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
	var a *account
	sh := s.shardAt(p.Place)
	if sh != nil {
		sh.mu.Lock()
		if a = sh.accountAt(p); a == nil {
			sh.mu.Unlock()
		}
	}
	if a == nil {
		if sh, a = s.lockSubject(p); a == nil {
			return false
		}
	}
	u := sh.begin(at, now)
	known := a.spend(p, u)
	if known && u.refused {
		a.undo(p.Meters, u.cells[:])
		a.showHeld(p, u)
	}
	c.OK = !u.refused
	sh.mu.Unlock()
	return known
}

// fitting reports whether the lengths of p's slices agree. It is all that Check asks of a
// part whose subject has an account with all of its meters: their figures passed Check when
// they were first charged.
func fitting(p *store.Part) bool {
	return len(p.N) == len(p.Meters) && len(p.Meters) <= store.MaxMeters &&
		(p.Levels == nil || len(p.Levels) == len(p.Meters))
}

// shardAt returns the shard of a place, or nil.
func (s *Store) shardAt(place uint64) *shard {
	if number := place >> 32; place != 0 && number < uint64(len(s.shards)) {
		return &s.shards[number]
	}
	return nil
}

// accountAt returns the account at the place of a part, or nil if it is not the account of
// the part's subject. The place is a hint: the account may have been evicted, or belong to
// another subject by now.
func (sh *shard) accountAt(p *store.Part) *account {
	if slot := uint32(p.Place) - 1; slot < sh.slots {
		if a := sh.account(slot); a.belongsTo(p.Subject) {
			return a
		}
	}
	return nil
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
