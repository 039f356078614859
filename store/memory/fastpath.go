package memory

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// steady is take for a charge that takes from, or reads, just the meters of the account's
// layout, in their order and with the figures that they have: as all charges of an
// account do but the first, the first of a window, and the odd ones. Nothing is looked
// for then, and no state is copied but the bucket's. If it is false nothing has happened.
func (a *account) steady(c *store.Charge, at time.Time, now int64) bool {
	held := a.layout.held
	if len(held) != len(c.Meters) || a.layout.buckets > 1 || c.SetRemaining {
		return false
	}
	var bucket store.Bucket
	wall, fit := at.UnixMicro(), true
	for i := range held {
		h, n, fits := &held[i], c.N[i], false
		if n < 0 || !h.equals(&c.Meters[i]) {
			return false
		}
		if h.IsWindow() {
			_, c.Levels[i], fits = a.window(h).Take(&h.Meter, wall, n)
		} else {
			bucket, c.Levels[i], fits = a.bucket(h).Take(&h.Meter, now, n)
		}
		fit = fit && fits
	}
	if c.OK = fit; !fit {
		a.stand(c, wall, now)
		return true
	}
	for i := range held {
		switch h := &held[i]; {
		case c.N[i] == 0:
		case h.IsWindow():
			a.cells[h.cell] = c.Levels[i].Used
		default:
			a.store(h.cell, &bucket)
		}
	}
	return true
}

// equals says whether m is what h was charged as, in all figures. One branch decides on
// all that are numbers.
func (h *held) equals(m *store.Meter) bool {
	differs := (h.Max ^ m.Max) | (h.Start ^ m.Start) | (h.End ^ m.End) | int64(h.Keep^m.Keep) |
		(h.Rate.Tokens ^ m.Rate.Tokens) | (h.Rate.Per ^ m.Rate.Per)
	return differs == 0 && h.Name == m.Name
}

// stand reports the meters that would have fitted as they are, since another refused.
func (a *account) stand(c *store.Charge, wall, now int64) {
	for i := range a.layout.held {
		h, l := &a.layout.held[i], &c.Levels[i]
		switch {
		case l.Wait > 0:
		case h.IsWindow():
			_, *l, _ = a.window(h).Take(&h.Meter, wall, 0)
		default:
			_, *l, _ = a.bucket(h).Take(&h.Meter, now, 0)
		}
	}
}

// place is what Charge.Place says of an account: its shard, and its slot plus one. With
// many subjects it spares a decision two lines of memory that it would wait for, one
// after the other: the subject's bytes for their hash, and the index.
func place(shard uint64, slot uint32) uint64 { return shard<<32 | uint64(slot+1) }

// takeAt is take for a steady charge whose place is that of its subject's account. If it
// is false nothing has happened.
func (s *Store) takeAt(c *store.Charge, at time.Time, now int64) bool {
	shard, slot := c.Place>>32, uint32(c.Place)-1
	if shard >= uint64(len(s.shards)) {
		return false
	}
	sh := &s.shards[shard]
	sh.mu.Lock()
	ok := slot < sh.slots
	if ok {
		a := sh.at(slot)
		ok = a.is(c.Subject) && a.steady(c, at, now)
	}
	sh.mu.Unlock()
	return ok
}

// TakeOne implements store.OneTaker. A bucket that was charged before takes the straight
// way.
func (s *Store) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (l store.Level, ok bool, err error) {
	if m.IsWindow() || n < 0 || ctx.Err() != nil {
		return s.whole.TakeOne(ctx, subject, m, at, n)
	}
	now := s.micros(at)
	hash := maphash.String(s.seed, subject)
	sh := &s.shards[hash>>s.shift]
	sh.mu.Lock()
	if a := sh.find(hash, subject); a != nil {
		if h := a.layout.exactly(m); h != nil {
			l, ok = a.takeBucket(h, now, n)
			sh.mu.Unlock()
			return l, ok, nil
		}
	}
	sh.mu.Unlock()
	return s.whole.TakeOne(ctx, subject, m, at, n)
}

// exactly is the held meter that has the name and the figures of m, which were sound when
// it was charged; nil: none has.
func (l *layout) exactly(m *store.Meter) *held {
	for i := range l.held {
		if h := &l.held[i]; h.equals(m) {
			return h
		}
	}
	return nil
}

func (a *account) takeBucket(h *held, now, n int64) (l store.Level, ok bool) {
	b, l, ok := a.bucket(h).Take(&h.Meter, now, n)
	if ok && n > 0 {
		a.store(h.cell, &b)
	}
	return l, ok
}

// whole is a Store without its short ways.
type whole struct{ store *Store }

// Take implements store.Counter.
func (w whole) Take(ctx context.Context, c *store.Charge) error { return w.store.Take(ctx, c) }
