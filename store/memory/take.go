package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. Buckets refill by c.At. Every charge is one step,
// whatever families its subjects are of. Take returns the error of ctx, that of c.Check,
// a store.MovedError or store.ErrFull. Each one wraps store.ErrNotTaken.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store/memory: take: %w: %w", store.ErrNotTaken, err)
	}
	at, now := s.clock(c)
	if s.takeFast(c, at, now) {
		return nil
	}
	if err := c.Check(); err != nil {
		return fmt.Errorf("store/memory: take: %w", err)
	}
	if err := s.takeSlow(c, at, now); err != nil {
		return fmt.Errorf("store/memory: take: %w", err)
	}
	return nil
}

// takeSlow decides any charge that passes its Check.
//
// evict takes the locks of other shards, so it runs without those of the charge. Another
// goroutine may use the room that it made, and so the charge is tried until it finds room
// or there is none to make.
func (s *Store) takeSlow(c *store.Charge, at time.Time, now int64) error {
	w := s.locate(c)
	defer w.release()
	if c.Op == store.Move && len(w.shards) > 1 {
		s.moving.RLock()
		defer s.moving.RUnlock()
	}
	for {
		room, err := w.run(at, now)
		if room || err != nil {
			return err
		}
		if at.IsZero() {
			at = time.Now() // windows of other subjects need the wall clock
		}
		if !s.evict(w.sites[0].shard, at, now) {
			s.refused.Add(1)
			return fmt.Errorf("%d subjects: %w: %w", s.max, store.ErrNotTaken, store.ErrFull)
		}
	}
}

// run decides the charge, or moves a subject, under the locks of its shards. It reports
// false if there is no room for new subjects. Then, and after an error, nothing has
// changed.
func (w *work) run(at time.Time, now int64) (room bool, err error) {
	w.lock()
	defer w.unlock()
	if w.charge.Op == store.Move {
		room, err = w.move(at, now)
		w.charge.OK = room
		return room, err
	}

	// Space is made before the states are read: it evicts accounts that are spent, which
	// may be those of the charge.
	w.find()
	if !w.makeSpace(at, now) {
		return false, nil
	}
	w.find()
	for i := range w.sites {
		if s := &w.sites[i]; !s.known && s.shard.closed != nil {
			if err := s.shard.closed.check(w.charge.Parts[i].Subject); err != nil {
				return false, err
			}
		}
	}

	w.readStates()
	if w.charge.Decide(w.held, w.next, at.UnixMicro(), now) {
		if !w.insertNew() {
			return false, nil
		}
		w.writeStates(at, now)
	}
	for i := range w.sites {
		if s := &w.sites[i]; s.known {
			w.charge.Parts[i].Place = placeOf(s.number, s.slot)
		}
	}
	return true, nil
}
