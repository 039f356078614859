package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// peekBatch is how many reads are sent together. Each is a command of its own, so the
// server answers other clients between two of them.
const peekBatch = 128

// Peek implements store.Peeker. It calls the script once for every subject and up to
// MaxMeters of its meters, and sends many calls at a time. It reads from the masters, as
// Take does.
func (s *Store) Peek(ctx context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	if at.IsZero() {
		at = time.Now()
	}
	if ctx.Err() != nil {
		return notSent(ctx, "peek")
	}
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	charges := make([]store.Charge, 0, peekBatch)
	for _, subject := range subjects {
		for rest := meters; len(rest) > 0; rest = rest[min(len(rest), store.MaxMeters):] {
			charges = append(charges, readOf(subject, at, rest[:min(len(rest), store.MaxMeters)]))
			if len(charges) < peekBatch {
				continue
			}
			if err := s.peek(ctx, l, charges); err != nil {
				return err
			}
			n := copyLevels(levels, last, charges)
			levels, last = levels[n:], last[min(n, len(last)):]
			charges = charges[:0]
		}
	}
	if err = s.peek(ctx, l, charges); err == nil {
		copyLevels(levels, last, charges)
	}
	return err
}

// peek fills in the levels of charges, which charge nothing, in one round trip.
func (s *Store) peek(ctx context.Context, l *link, charges []store.Charge) error {
	if len(charges) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return notSent(ctx, "peek")
	}
	requests := make([]request, len(charges))
	commands := make([]rueidis.Completed, len(charges))
	for i := range charges {
		if err := charges[i].Check(); err != nil {
			return err
		}
		requests[i] = s.request(&charges[i], charges[i].At)
		args := requests[i].args()
		commands[i] = l.evalSHA(&s.scripts.one, []string{requests[i].key()}, args[:])
	}
	var results []rueidis.RedisResult
	ask := func(ctx context.Context) { results = l.client.DoMulti(ctx, commands...) }
	if err := l.commands.do(ctx, ask); err != nil {
		return wrapError("peek", requests[0].describe(), err)
	}
	for i, result := range results {
		reply, err := whole(&requests[i], result)
		if word := errorCode(err); word == "NOSCRIPT" || word == "TRYAGAIN" {
			reply, err = s.decide(ctx, l, &requests[i])
		}
		if err == nil {
			err = decodeReply(&charges[i], charges[i].At, reply)
		}
		if err != nil {
			return wrapError("peek", requests[i].describe(), asMoved(&charges[i], err))
		}
	}
	return nil
}

// noUnits are the N of a charge that only reads.
var noUnits [store.MaxMeters]int64

// readOf returns a charge that reads meters of a subject.
func readOf(subject string, at time.Time, meters []store.Meter) store.Charge {
	return store.Charge{At: at, Parts: []store.Part{{
		Subject: subject, Meters: meters, N: noUnits[:len(meters)],
		Levels: make([]store.Level, len(meters)), Last: make([]int64, len(meters)),
	}}}
}

// copyLevels copies the levels and the Last of charges, one after the other. It returns
// how many there are. last may be empty.
func copyLevels(levels []store.Level, last []int64, charges []store.Charge) (n int) {
	for i := range charges {
		p := &charges[i].Parts[0]
		copy(last[min(n, len(last)):], p.Last)
		n += copy(levels[n:], p.Levels)
	}
	return n
}
