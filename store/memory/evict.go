package memory

import (
	"math"
	"time"
)

// A kind says what is lost when an account is evicted.
//
//   - spent: nothing. Every bucket is full and every window is past its Keep.
//   - ended: windows that reports would have shown. Every bucket is full and every window
//     has ended, but some are still kept.
type kind int

const (
	spent kind = iota
	ended
	kinds // how many there are
)

// evictBatch is the most accounts that a full Store evicts at a time, so that not every
// new subject has to look for one.
const evictBatch = 16

// evict evicts some accounts, of the shard own if it can, and reports whether it did. It
// takes the best kind in any shard before it takes the next kind. It holds one shard's
// lock at a time, so two calls cannot deadlock.
func (s *Store) evict(own *shard, at time.Time, now int64) bool {
	at, now = s.evictionClock(at, now)
	first := 0
	for i := range s.shards {
		if &s.shards[i] == own {
			first = i
		}
	}
	for k := spent; k < kinds; k++ {
		for i := range s.shards {
			sh := &s.shards[(first+i)%len(s.shards)]
			sh.mu.Lock()
			evicted := now >= sh.due[k] && sh.sweep(k, at, now, evictBatch)
			sh.mu.Unlock()
			if evicted {
				return true
			}
		}
	}
	return false
}

// sweep evicts up to most accounts of a kind, and reports whether there were any. A
// closed subject whose time has passed is spent. sweep goes round the index and begins
// where the last sweep ended. If it evicts none, it has seen every account, and notes
// when the first will be due. Until then a full Store skips this shard, so a flood of new
// subjects does not go through all accounts again and again.
func (sh *shard) sweep(k kind, at time.Time, now int64, most int) bool {
	evicted, next := 0, int64(math.MaxInt64)
	if k == spent && sh.closed != nil {
		evicted = sh.dropOpen(at, now)
		next = now + max(0, sh.closed.due.Sub(at).Microseconds())
	}
	for n := 0; n < len(sh.index) && evicted < most; n++ {
		i := sh.hand & uint32(len(sh.index)-1)
		if e := sh.index[i]; e != 0 {
			a := sh.account(e.slot())
			due := a.dueAt(k, at, now)
			if due <= now {
				sh.store.countEviction(a, at)
				sh.remove(i)
				evicted++
				continue // remove may have moved another entry to i
			}
			next = min(next, due)
		}
		sh.hand++
	}
	if evicted == 0 {
		sh.due[k] = next
	}
	return evicted > 0
}

// countEviction counts what is lost with an account.
func (s *Store) countEviction(a *account, at time.Time) {
	s.subjects.Add(-1)
	lost := int64(0)
	for i := range a.layout.fields {
		if f := &a.layout.fields[i]; f.IsWindow() && f.isKept(at) {
			lost++
		}
	}
	if a.overflow != nil {
		for _, w := range a.overflow.windows {
			if w.isKept(at) {
				lost++
			}
		}
	}
	s.ended.Add(lost)
	if lost == 0 {
		s.spent.Add(1)
	}
}

// noteDue brings the shard's due instants forward, because a may now be due earlier than
// any account was when the shard was last swept. A charge of buckets alone may have no
// wall clock, though the account has windows.
func (sh *shard) noteDue(a *account, at time.Time, now int64) {
	if at.IsZero() {
		at, now = sh.store.evictionClock(at, now)
	}
	for k := range sh.due {
		sh.due[k] = min(sh.due[k], a.dueAt(kind(k), at, now))
	}
}

// dueAt returns the instant, on the buckets' clock, from which a is of that kind if it is
// not charged again. Of an account with many windows or buckets outside its cells it may
// be a later one.
func (a *account) dueAt(k kind, at time.Time, now int64) (due int64) {
	windowDue := func(f *field) int64 {
		t := time.Unix(f.End, 0)
		if k == spent {
			t = keptUntil(&f.Meter)
		}
		return now + t.Sub(at).Microseconds()
	}
	for i := range a.layout.fields {
		if f := &a.layout.fields[i]; f.IsWindow() {
			due = max(due, windowDue(f))
		} else {
			b := a.bucket(f)
			due = max(due, b.FullAt(&f.Meter))
		}
	}
	if a.overflow == nil {
		return due
	}
	if len(a.overflow.windows) > few {
		due = max(due, now+a.overflow.windowsDue(k).Sub(at).Microseconds())
	} else {
		for _, w := range a.overflow.windows {
			due = max(due, windowDue(w.field))
		}
	}
	return max(due, a.overflow.buckets.fullAt())
}
