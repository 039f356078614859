package memory

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. Buckets refill by c.At. Its errors are those of ctx and
// of c.Check, and store.ErrFull; all of them wrap store.ErrNotTaken.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store/memory: take: %w: %w", store.ErrNotTaken, err)
	}
	if uint(len(c.Subject)-1) >= store.MaxSubject || len(c.Meters) > store.MaxMeters {
		return fmt.Errorf("store/memory: take: %w", c.Check())
	}
	at, now := s.clock(c.At, c.Meters)
	if c.Place != 0 && s.takeAt(c, at, now) {
		return nil
	}
	hash := maphash.String(s.seed, c.Subject)
	sh := &s.shards[hash>>s.shift]
	sh.mu.Lock()
	if slot, ok := sh.look(hash, c.Subject); ok && sh.at(slot).steady(c, at, now) {
		c.Place = place(hash>>s.shift, slot)
		sh.mu.Unlock()
		return nil
	}
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
			at = time.Now()
		}
		if !s.makeRoom(sh, at, now) {
			s.refused.Add(1)
			return fmt.Errorf("store/memory: take: %d subjects: %w: %w", s.max, store.ErrNotTaken, store.ErrFull)
		}
	}
}

// take is Take under the lock. Nothing has happened if there was no room for a new
// subject, or after an error.
func (sh *shard) take(c *store.Charge, hash uint64, at time.Time, now int64) (room bool, err error) {
	a := &sh.nobody
	slot, known := sh.look(hash, c.Subject)
	if known {
		a = sh.at(slot)
	}
	ok, writes, checked := true, false, false
	for i := range c.Meters {
		m, n, st := &c.Meters[i], c.N[i], &sh.next[i]
		if a.load(st, m, i); !st.known && !checked { // a meter that was charged like this before was sound
			if err := c.Check(); err != nil {
				return false, err
			}
			checked = true
		}
		if c.SetRemaining {
			st.set(m, at, now, n, &c.Levels[i])
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
			a = sh.at(slot)
		}
		sh.write(a, c, at, now)
	}
	if known {
		c.Place = place(hash>>sh.store.shift, slot)
	}
	return true, nil
}

// refuse reports the meters that would have fitted as they were. Those that refused are
// as they were.
func (sh *shard) refuse(a *account, c *store.Charge, at time.Time, now int64) {
	for i := range c.Meters {
		if m, st := &c.Meters[i], &sh.next[i]; c.Levels[i].Wait == 0 {
			a.load(st, m, i)
			st.take(m, at, now, 0, &c.Levels[i])
		}
	}
}

// write keeps the new states of the meters that were charged.
func (sh *shard) write(a *account, c *store.Charge, at time.Time, now int64) {
	moved, sooner := false, c.SetRemaining // to another layout; to be spent sooner than was thought
	for i := range c.Meters {
		if c.N[i] == 0 && !c.SetRemaining {
			continue
		}
		if m, st := &c.Meters[i], &sh.next[i]; m.Rare {
			moved = moved || len(a.layout.held) == 0 && a.more.empty() // else it makes a be spent later at most
			sh.rewrite(a, m, st, at, now)
		} else if moved || !a.keep(st) {
			sh.rewrite(a, m, st, at, now)
			moved = true
		}
		sooner = sooner || c.N[i] < 0
	}
	if moved || sooner {
		sh.expect(a, at, now)
	}
}

// Peek implements store.Peeker: one lock for each subject, however many meters.
func (s *Store) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level) error {
	at, now := s.clock(at, meters)
	for _, subject := range subjects {
		for rest := meters; len(rest) > 0; { // the check of each eight, as Take would have it
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
		a = &sh.nobody
	}
	for i := range meters {
		st := &sh.next[0]
		a.load(st, &meters[i], i)
		st.take(&meters[i], at, now, 0, &levels[i])
	}
}

// Local implements store.Local: a Store never waits.
func (s *Store) Local() bool { return true }
