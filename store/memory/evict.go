package memory

import (
	"math"
	"time"
)

// kind of account that may be forgotten.
type kind int

const (
	spent kind = iota // every bucket is full and every window past its Keep: nobody will know
	ended             // every bucket is full and every window has ended: reports will miss some
	kinds
)

// batch is how many accounts go at a time when the Store is full.
const batch = 16

// earlier is the instant by which others' state is judged to be old: that of a charge,
// but no later than this process's clock has come to, or one subject's wrong clock would
// mint for others.
func (s *Store) earlier(at time.Time, now int64) (time.Time, int64) {
	own := time.Now()
	if at.IsZero() || own.Before(at) {
		return own, s.micros(own)
	}
	return at, now
}

// makeRoom forgets some accounts, of this shard if it can, and says whether it did. It
// holds one lock at a time.
func (s *Store) makeRoom(own *shard, at time.Time, now int64) bool {
	at, now = s.earlier(at, now)
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
			found := now >= sh.due[k] && sh.sweep(k, at, now, batch)
			sh.mu.Unlock()
			if found {
				return true
			}
		}
	}
	return false
}

// sweep looks at all places of the index, from where the last sweep ended, and forgets
// accounts of a kind, so many at most. If there is none it knows when there will be one
// next.
func (sh *shard) sweep(k kind, at time.Time, now int64, most int) bool {
	found, next := 0, int64(math.MaxInt64)
	for n := 0; n < len(sh.index) && found < most; n++ {
		i := sh.hand & uint32(len(sh.index)-1)
		if e := sh.index[i]; e != 0 {
			a := sh.at(e.slot())
			if due := a.due(k, at, now); due > now {
				next = min(next, due)
			} else {
				sh.store.forget(a, at)
				sh.remove(i)
				found++
				continue // another may have moved here
			}
		}
		sh.hand++
	}
	if found == 0 {
		sh.due[k] = next
	}
	return found > 0
}

// forget counts what goes with an account.
func (s *Store) forget(a *account, at time.Time) {
	s.subjects.Add(-1)
	lost := int64(0)
	for i := range a.layout.held {
		if h := &a.layout.held[i]; h.IsWindow() && h.kept(at) {
			lost++
		}
	}
	if a.more != nil {
		for _, w := range a.more.windows {
			if w.kept(at) {
				lost++
			}
		}
	}
	s.ended.Add(lost)
	if lost == 0 {
		s.spent.Add(1)
	}
}

// expect notes that an account may be forgotten at another time than was known. A charge
// of buckets alone may have no at, and the account have windows.
func (sh *shard) expect(a *account, at time.Time, now int64) {
	if at.IsZero() {
		at, now = sh.store.earlier(at, now)
	}
	for k := range sh.due {
		sh.due[k] = min(sh.due[k], a.due(kind(k), at, now))
	}
}

// due is when, on the buckets' clock, a is of that kind if nobody charges it.
func (a *account) due(k kind, at time.Time, now int64) (due int64) {
	over := func(h *held) int64 {
		t := time.Unix(h.End, 0)
		if k == spent {
			t = until(&h.Meter)
		}
		return now + t.Sub(at).Microseconds()
	}
	for i := range a.layout.held {
		if h := &a.layout.held[i]; h.IsWindow() {
			due = max(due, over(h))
		} else {
			b := a.bucket(h)
			due = max(due, b.FullAt(&h.Meter))
		}
	}
	if a.more == nil {
		return due
	}
	if len(a.more.windows) > few {
		due = max(due, now+a.more.last(k).Sub(at).Microseconds())
	} else {
		for _, w := range a.more.windows {
			due = max(due, over(w.held))
		}
	}
	return max(due, a.more.buckets.fullAt())
}
