package memory

import (
	"context"
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// There are three shortcuts. Each one decides the common case under the shard's lock, and
// otherwise changes nothing and lets shard.take decide (take.go):
//
//   - takeFast skips the search for each meter, and copies no state but the bucket's.
//   - takeAtPlace also skips the hash of the subject and the search in the index.
//   - TakeOne decides on one bucket without a Charge.

// takeFast decides a charge that takes from, or reads, exactly the meters of the
// account's layout, in their order and with their figures. Nearly every charge of an
// account is one. The others are the first of the account, the first of a window, and a
// few unusual ones. takeFast reports whether it decided the charge. If it did not,
// nothing has changed.
//
// It computes all levels first, and writes to the cells only when every meter fits. The
// new state of a window is in its level. That of a bucket is not, so takeFast keeps it in
// a variable. There is one such variable, and an account with two buckets takes the slow
// path.
func (a *account) takeFast(c *store.Charge, at time.Time, now int64) bool {
	fields := a.layout.fields
	if len(fields) != len(c.Meters) || a.layout.buckets > 1 || c.SetRemaining {
		return false
	}
	var bucket store.Bucket
	wall, fit := at.UnixMicro(), true
	for i := range fields {
		f, n, fits := &fields[i], c.N[i], false
		if n < 0 || !f.sameMeter(&c.Meters[i]) {
			return false
		}
		if f.IsWindow() {
			_, c.Levels[i], fits = a.window(f).Take(&f.Meter, wall, n)
		} else {
			bucket, c.Levels[i], fits = a.bucket(f).Take(&f.Meter, now, n)
		}
		fit = fit && fits
	}
	c.OK = fit
	if !fit {
		a.readFitting(c, wall, now)
		return true
	}
	for i := range fields {
		switch f := &fields[i]; {
		case c.N[i] == 0:
		case f.IsWindow():
			a.cells[f.cell] = c.Levels[i].Used
		default:
			a.setBucket(f.cell, &bucket)
		}
	}
	return true
}

// readFitting corrects the levels of the meters that the charge fits, after another meter
// refused it: nothing was taken from them. The meters that refused, and so have a Wait,
// already report what they hold.
func (a *account) readFitting(c *store.Charge, wall, now int64) {
	for i := range a.layout.fields {
		f, l := &a.layout.fields[i], &c.Levels[i]
		switch {
		case l.Wait > 0:
		case f.IsWindow():
			_, *l, _ = a.window(f).Take(&f.Meter, wall, 0)
		default:
			_, *l, _ = a.bucket(f).Take(&f.Meter, now, 0)
		}
	}
}

// placeOf returns the Charge.Place of an account: its shard, and its slot plus one, so
// that zero is no place. With many subjects it spares a decision two cache misses, one
// after the other: the subject's bytes for their hash, and the index.
func placeOf(shard uint64, slot uint32) uint64 { return shard<<32 | uint64(slot+1) }

// takeAtPlace tries takeFast on the account at c.Place. The place is a hint: the account
// there may have been evicted, or belong to another subject by now. It reports whether it
// decided the charge. If it did not, nothing has changed.
func (s *Store) takeAtPlace(c *store.Charge, at time.Time, now int64) bool {
	shard, slot := c.Place>>32, uint32(c.Place)-1
	if shard >= uint64(len(s.shards)) {
		return false
	}
	sh := &s.shards[shard]
	sh.mu.Lock()
	ok := slot < sh.slots
	if ok {
		a := sh.account(slot)
		ok = a.belongsTo(c.Subject) && a.takeFast(c, at, now)
	}
	sh.mu.Unlock()
	return ok
}

// TakeOne implements store.OneTaker. A bucket that was charged before takes the fast
// path.
func (s *Store) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (l store.Level, ok bool, err error) {
	if m.IsWindow() || n < 0 || ctx.Err() != nil {
		return s.slowPath.TakeOne(ctx, subject, m, at, n)
	}
	now := s.micros(at)
	hash := maphash.String(s.seed, subject)
	sh := &s.shards[hash>>s.shift]
	sh.mu.Lock()
	if a := sh.find(hash, subject); a != nil {
		if f := a.layout.findSameMeter(m); f != nil {
			l, ok = a.takeBucket(f, now, n)
			sh.mu.Unlock()
			return l, ok, nil
		}
	}
	sh.mu.Unlock()
	return s.slowPath.TakeOne(ctx, subject, m, at, n)
}

// findSameMeter returns the field that was charged as m, or nil. The figures of m need no
// check then: they passed it when the field was made.
func (l *layout) findSameMeter(m *store.Meter) *field {
	for i := range l.fields {
		if f := &l.fields[i]; f.sameMeter(m) {
			return f
		}
	}
	return nil
}

func (a *account) takeBucket(f *field, now, n int64) (l store.Level, ok bool) {
	b, l, ok := a.bucket(f).Take(&f.Meter, now, n)
	if ok && n > 0 {
		a.setBucket(f.cell, &b)
	}
	return l, ok
}

// slowPath is a Store that has Take but not TakeOne, so that store.One makes a OneTaker
// of it that builds a Charge.
type slowPath struct{ store *Store }

// Take implements store.Counter.
func (p slowPath) Take(ctx context.Context, c *store.Charge) error { return p.store.Take(ctx, c) }
