package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// batch is how many reads go to the server together. Redis answers other clients between
// two of them.
const batch = 128

// Peek implements store.Peeker: one call of the script for every subject and MaxMeters of
// its meters, sent many at a time. It reads from the masters, as Take does.
func (s *Store) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level) error {
	if at.IsZero() {
		at = time.Now()
	}
	if ctx.Err() != nil {
		return done(ctx, "peek")
	}
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	charges := make([]store.Charge, 0, batch)
	for _, subject := range subjects {
		for rest := meters; len(rest) > 0; rest = rest[min(len(rest), store.MaxMeters):] {
			charges = append(charges, store.Charge{Subject: subject, At: at, Meters: rest[:min(len(rest), store.MaxMeters)]})
			if len(charges) < batch {
				continue
			}
			if err := s.read(ctx, l, charges); err != nil {
				return err
			}
			levels = levels[collect(levels, charges):]
			charges = charges[:0]
		}
	}
	if err = s.read(ctx, l, charges); err == nil {
		collect(levels, charges)
	}
	return err
}

// read takes nothing of each of charges, in one step.
func (s *Store) read(ctx context.Context, l *link, charges []store.Charge) error {
	if len(charges) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return done(ctx, "peek")
	}
	requests := make([]request, len(charges))
	commands := make([]rueidis.Completed, len(charges))
	for i := range charges {
		if err := charges[i].Check(); err != nil {
			return err
		}
		requests[i] = s.request(&charges[i], charges[i].At)
		r := &requests[i]
		args := r.args()
		commands[i] = l.byName(&s.scripts.one, []string{r.value()}, args[:])
	}
	var results []rueidis.RedisResult
	ask := func(ctx context.Context) { results = l.client.DoMulti(ctx, commands...) }
	if err := l.errands.send(ctx, l, ask); err != nil {
		return fault("peek", requests[0].value(), err)
	}
	for i, result := range results {
		reply, err := result.ToString()
		if word := code(err); word == "NOSCRIPT" || word == "TRYAGAIN" {
			reply, err = s.decide(ctx, l, &requests[i])
		}
		if err == nil {
			err = answer(&charges[i], charges[i].At, reply)
		}
		if err != nil {
			return fault("peek", requests[i].value(), err)
		}
	}
	return nil
}

// collect copies the levels of charges, one after the other.
func collect(levels []store.Level, charges []store.Charge) (n int) {
	for i := range charges {
		n += copy(levels[n:], charges[i].Levels[:len(charges[i].Meters)])
	}
	return n
}
