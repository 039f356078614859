package lease_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// shared is a store that several processes share, whose connection a test can break.
type shared struct {
	store.Counter
	takes  atomic.Int64
	broken atomic.Bool // nothing is charged, and the error says so
	mute   atomic.Bool // everything is charged, and no answer comes back
	delay  atomic.Int64
	before atomic.Pointer[func(c *store.Charge) error] // may fail a charge
	after  atomic.Pointer[func(c *store.Charge) error] // may lose an answer

	inFlight, most atomic.Int64 // how many calls there are at a time, and were at most
}

func newShared() *shared { return &shared{Counter: memory.New(memory.Config{})} }

// newFar returns a store that is one round trip away.
func newFar(roundTrip time.Duration) *shared {
	s := newShared()
	s.delay.Store(int64(roundTrip))
	return s
}

// Take implements store.Counter.
func (s *shared) Take(ctx context.Context, c *store.Charge) error {
	s.takes.Add(1)
	s.most.Store(max(s.most.Load(), s.inFlight.Add(1)))
	defer s.inFlight.Add(-1)
	if s.broken.Load() {
		return errors.Join(store.ErrNotTaken, errors.New("no connection"))
	}
	if err := callHook(&s.before, c); err != nil {
		return err
	}
	half := time.Duration(s.delay.Load() / 2)
	if err := wait(ctx, half); err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	err := s.Counter.Take(ctx, c)
	_ = wait(context.Background(), half)
	if err == nil && s.mute.Load() {
		return errors.New("the answer was lost")
	}
	return cmp.Or(err, callHook(&s.after, c))
}

// callHook calls a function, unless there is none.
func callHook(hook *atomic.Pointer[func(c *store.Charge) error], c *store.Charge) error {
	if f := hook.Load(); f != nil && *f != nil {
		return (*f)(c)
	}
	return nil
}

// wait waits for d or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// use sets the function that is called before each charge.
func (s *shared) use(before func(c *store.Charge) error) { s.before.Store(&before) }

// used returns what the store counts as used of a meter of the subject hot.
func (s *shared) used(t testing.TB, m store.Meter) int64 { return s.usedBy(t, "hot", m) }

// usedBy returns what the store counts as used of a meter.
func (s *shared) usedBy(t testing.TB, subject string, m store.Meter) int64 {
	t.Helper()
	c := store.NewCharge(subject, 0, m)
	c.At = time.Now()
	require.NoError(t, s.Counter.Take(t.Context(), c))
	return c.Parts[0].Levels[0].Used
}

// leased returns how much of what c shows as used of a meter is only leased.
func leased(t testing.TB, c store.Counter, m store.Meter) int64 {
	count, ok := store.LeasedSubject("hot")
	require.True(t, ok)
	m.Max = store.Unlimited
	var level [1]store.Level
	require.NoError(t, store.Peek(t.Context(), c, time.Now(), []string{count}, []store.Meter{m}, level[:], nil))
	return level[0].Used
}

// today returns a quota of the day that begins now.
func today(limit int64) store.Meter {
	start := time.Now().Unix()
	return store.Meter{Name: "day", Max: limit, Start: start, End: start + 86400, Keep: 24 * time.Hour}
}

// spend makes n charges of one unit, one each gap, and returns how many were admitted.
func spend(t testing.TB, c store.Counter, n int, gap time.Duration, meters ...store.Meter) (admitted int64) {
	t.Helper()
	for range n {
		charge := store.NewCharge("hot", 1, meters...)
		charge.At = time.Now()
		if err := c.Take(t.Context(), charge); err == nil && charge.OK {
			admitted++
		}
		_ = wait(context.Background(), gap)
	}
	return admitted
}

// take charges n units of the subject hot. It reports whether they were admitted.
func take(c store.Counter, n int64, meters ...store.Meter) (ok bool, err error) {
	return takeOf(c, "hot", n, meters...)
}

// takeOf charges n units of a subject.
func takeOf(c store.Counter, subject string, n int64, meters ...store.Meter) (ok bool, err error) {
	charge := store.NewCharge(subject, n, meters...)
	charge.At = time.Now()
	err = c.Take(context.Background(), charge)
	return charge.OK, err
}

// newRecord returns a usage record of the day that begins now.
func newRecord() store.Meter {
	m := today(store.Unlimited)
	m.Name = "use"
	return m
}

// second returns a quota of the second that an instant is in.
func second(at time.Time) store.Meter {
	return store.Meter{Name: "second", Max: 1 << 30, Start: at.Unix(), End: at.Unix() + 1, Keep: time.Hour}
}

// A tally counts what became of the calls of a crowd.
type tally struct {
	admitted, refused, failed int64

	waited int64         // calls that took more than 5ms
	worst  time.Duration // what the slowest call took
}

// crowd has callers make calls at the same time: rounds each, with a gap after each.
func crowd(callers, rounds int, gap time.Duration, call func(caller, round int) (ok bool, err error)) (sum tally) {
	var (
		all sync.WaitGroup
		mu  sync.Mutex
	)
	for caller := range callers {
		all.Go(func() {
			for round := range rounds {
				began := time.Now()
				ok, err := call(caller, round)
				mu.Lock()
				sum.add(ok, err, time.Since(began))
				mu.Unlock()
				_ = wait(context.Background(), gap)
			}
		})
	}
	all.Wait()
	return sum
}

func (s *tally) add(ok bool, err error, took time.Duration) {
	switch {
	case err != nil:
		s.failed++
	case ok:
		s.admitted++
	default:
		s.refused++
	}
	if s.worst = max(s.worst, took); took > 5*time.Millisecond {
		s.waited++
	}
}
