package memory

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. Buckets refill by c.At. It returns the error of ctx,
// that of c.Check, or store.ErrFull. Each one wraps store.ErrNotTaken.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store/memory: take: %w: %w", store.ErrNotTaken, err)
	}

	// The fast paths rely on this much. The figures of the meters are checked in shard.take,
	// and only where the layout does not have them already.
	if uint(len(c.Subject)-1) >= store.MaxSubject || len(c.Meters) > store.MaxMeters {
		return fmt.Errorf("store/memory: take: %w", c.Check())
	}
	at, now := s.clock(c.At, c.Meters)
	if c.Place != 0 && s.takeAtPlace(c, at, now) {
		return nil
	}

	hash := maphash.String(s.seed, c.Subject)
	sh := &s.shards[hash>>s.shift]
	sh.mu.Lock()
	if slot, ok := sh.findSlot(hash, c.Subject); ok && sh.account(slot).takeFast(c, at, now) {
		c.Place = placeOf(hash>>s.shift, slot)
		sh.mu.Unlock()
		return nil
	}

	// evict takes the locks of other shards, so it runs without this one. Another goroutine
	// may use the room that it made, and so the charge is tried until it finds room or there
	// is none to make.
	for ; ; sh.mu.Lock() {
		room, err := sh.take(c, hash, at, now)
		sh.mu.Unlock()
		if err != nil {
			return fmt.Errorf("store/memory: take: %w", err)
		}
		if room {
			return nil
		}
		if at.IsZero() {
			at = time.Now() // windows of other subjects need the wall clock
		}
		if !s.evict(sh, at, now) {
			s.refused.Add(1)
			return fmt.Errorf("store/memory: take: %d subjects: %w: %w", s.max, store.ErrNotTaken, store.ErrFull)
		}
	}
}

// take decides any charge. The shard's lock is held. It reports false if there is no room
// for a new subject. Then, and after an error, nothing has changed.
//
// It computes the new states of all meters in sh.next, and writes them to the account
// only when every meter fits. A subject without an account is read as sh.unknown, and
// gets an account only when there is something to write: a read or a refusal takes no
// memory.
func (sh *shard) take(c *store.Charge, hash uint64, at time.Time, now int64) (room bool, err error) {
	a := &sh.unknown
	slot, known := sh.findSlot(hash, c.Subject)
	if known {
		a = sh.account(slot)
	}

	ok, writes, checked := true, false, false
	for i := range c.Meters {
		m, n, st := &c.Meters[i], c.N[i], &sh.next[i]
		a.readState(st, m, i)
		if !st.known && !checked { // known figures have passed the check before
			if err := c.Check(); err != nil {
				return false, err
			}
			checked = true
		}
		if c.SetRemaining {
			st.setRemaining(m, at, now, n, &c.Levels[i])
		} else {
			ok = st.take(m, at, now, n, &c.Levels[i]) && ok
		}
		writes = writes || n != 0 || c.SetRemaining
	}

	switch c.OK = ok; {
	case !ok:
		sh.refuse(a, c, at, now)
	case writes:
		if !known {
			if slot, known = sh.insert(hash, c.Subject, at, now); !known {
				return false, nil
			}
			a = sh.account(slot)
		}
		sh.write(a, c, at, now)
	}
	if known {
		c.Place = placeOf(hash>>sh.store.shift, slot)
	}
	return true, nil
}

// refuse corrects the levels of the meters that the charge fits, after another meter
// refused it: nothing was taken from them. The meters that refused already report what
// they hold.
func (sh *shard) refuse(a *account, c *store.Charge, at time.Time, now int64) {
	for i := range c.Meters {
		if m, st := &c.Meters[i], &sh.next[i]; c.Levels[i].Wait == 0 {
			a.readState(st, m, i)
			st.take(m, at, now, 0, &c.Levels[i])
		}
	}
}

// write keeps the new states of the meters that were charged.
func (sh *shard) write(a *account, c *store.Charge, at time.Time, now int64) {
	// moved says that the account has another layout than readState saw, so that the fields
	// of the remaining states are stale. sooner says that the account may be spent sooner
	// than was noted; a plain take of known meters can only make that later.
	moved, sooner := false, c.SetRemaining
	for i := range c.Meters {
		if c.N[i] == 0 && !c.SetRemaining {
			continue
		}
		if m, st := &c.Meters[i], &sh.next[i]; m.Rare {
			// A rare bucket moves no layout. It counts as a move in an empty account only, whose
			// due instant was never noted.
			moved = moved || len(a.layout.fields) == 0 && a.overflow.isEmpty()
			sh.placeState(a, m, st, at, now)
		} else if moved || !a.writeState(st) {
			sh.placeState(a, m, st, at, now)
			moved = true
		}
		sooner = sooner || c.N[i] < 0
	}
	if moved || sooner {
		sh.noteDue(a, at, now)
	}
}

// Peek implements store.Peeker. It locks a shard once for each subject, however many
// meters there are.
func (s *Store) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level) error {
	at, now := s.clock(at, meters)
	for _, subject := range subjects {
		// Peek takes any number of meters and a Charge only eight, so they are checked by
		// eights.
		for rest := meters; len(rest) > 0; {
			c := store.Charge{Subject: subject, Meters: rest[:min(len(rest), store.MaxMeters)]}
			if err := c.Check(); err != nil {
				return fmt.Errorf("store/memory: peek: %w", err)
			}
			rest = rest[len(c.Meters):]
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("store/memory: peek: %w: %w", store.ErrNotTaken, err)
		}
		s.peek(subject, at, now, meters, levels)
		levels = levels[len(meters):]
	}
	return nil
}

func (s *Store) peek(subject string, at time.Time, now int64, meters []store.Meter, levels []store.Level) {
	hash := maphash.String(s.seed, subject)
	sh := &s.shards[hash>>s.shift]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a := sh.find(hash, subject)
	if a == nil {
		a = &sh.unknown
	}
	for i := range meters {
		st := &sh.next[0]
		a.readState(st, &meters[i], i)
		st.take(&meters[i], at, now, 0, &levels[i])
	}
}

// Local implements store.Local and returns true: a Store never waits for I/O.
func (s *Store) Local() bool { return true }
