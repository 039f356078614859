package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

// Peek implements store.Peeker. It locks a shard once for each subject, however many
// meters there are.
func (s *Store) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	if at.IsZero() {
		at = time.Now()
	}
	now := s.micros(at)
	for _, subject := range subjects {
		if err := checkPeek(subject, meters); err != nil {
			return fmt.Errorf("store/memory: peek: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("store/memory: peek: %w: %w", store.ErrNotTaken, err)
		}
		if err := s.peek(subject, at, now, meters, levels, last); err != nil {
			return fmt.Errorf("store/memory: peek: %w", err)
		}
		levels = levels[len(meters):]
		if last != nil {
			last = last[len(meters):]
		}
	}
	return nil
}

// checkPeek checks a read of any number of meters, as many at a time as a Charge may
// have.
func checkPeek(subject string, meters []store.Meter) error {
	var none [store.MaxMeters]int64
	for rest := meters; len(rest) > 0; {
		n := min(len(rest), store.MaxMeters)
		c := store.Charge{Parts: []store.Part{{Subject: subject, Meters: rest[:n], N: none[:n]}}}
		if err := c.Check(); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

func (s *Store) peek(subject string, at time.Time, now int64, meters []store.Meter, levels []store.Level, last []int64) error {
	number, hash := s.hash(subject)
	sh := &s.shards[number]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	a := sh.find(hash, subject)
	if a == nil {
		if err := sh.closed.check(subject); err != nil {
			return err
		}
		a = &sh.unknown
	}
	for i := range meters {
		st := a.readState(&meters[i], i)
		_, levels[i], _ = st.Take(&meters[i], at.UnixMicro(), now, 0)
		if last != nil {
			last[i] = st.Window.Last
		}
	}
	return nil
}
