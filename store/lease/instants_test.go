package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// manyRounds is an environment variable. If it is not empty, the tests that play random
// or exhaustive rounds play many more of them, for some minutes each.
const manyRounds = "RATION_MANY_ROUNDS"

// uneven is a store whose answers come in another order than it decides: each call takes
// a random time on its way there, and another one on its way back.
type uneven struct {
	store.Counter
	mu   sync.Mutex
	rnd  *rand.Rand
	most time.Duration // of each way
}

// Take implements store.Counter.
func (u *uneven) Take(ctx context.Context, c *store.Charge) error {
	if err := wait(ctx, u.time(u.most)); err != nil {
		return errors.Join(store.ErrNotTaken, err)
	}
	err := u.Counter.Take(ctx, c)
	_ = wait(context.Background(), u.time(u.most))
	return err
}

func (u *uneven) time(most time.Duration) time.Duration { return time.Duration(u.below(int(most))) }

func (u *uneven) below(n int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rnd.IntN(n)
}

// A scene is a crowd of callers that charge one or two subjects through one Counter.
type scene struct {
	t      *testing.T
	store  *uneven
	c      *lease.Counter
	meters []store.Meter
	limit  int64 // the least Max of meters
	before int64 // how many units are used in the beginning

	callers, rounds int
	pause           time.Duration // between two charges of a caller, at most

	mu      sync.Mutex
	answers []answer
}

// An answer is what a caller was told.
type answer struct {
	n            int64 // units of every meter
	ok           bool
	began, ended time.Time
	used         []int64 // of every meter of every subject
	alone        bool    // nothing but the meters of the scene could refuse
}

// newScene returns a scene. If short is set, leases last less than a call of the store.
func newScene(t *testing.T, seed uint64, before int64, short bool) *scene {
	rnd := rand.New(rand.NewPCG(seed, 7))
	of := func(of ...time.Duration) time.Duration { return of[rnd.IntN(len(of))] }
	s := &scene{t: t, before: before, rounds: 60}
	s.store = &uneven{Counter: memory.New(memory.Config{}), rnd: rnd, most: of(200*time.Microsecond, time.Millisecond, 5*time.Millisecond)}
	s.pause = of(time.Microsecond, 100*time.Microsecond, 2*time.Millisecond)
	s.callers = []int{3, 8, 16}[rnd.IntN(3)]

	cfg := lease.Config{Timeout: time.Minute}
	if rnd.IntN(3) == 0 && s.store.most < time.Millisecond || short {
		cfg.Block, cfg.Life = time.Millisecond, 4*time.Millisecond
	}
	if s.c = newCounter(t, s.store, cfg); rnd.IntN(3) == 0 {
		s.c.Eager()
	}
	s.limit = before + []int64{20, 100, 400, 760, 5000}[rnd.IntN(5)]
	rate := store.Meter{Name: "rate", Max: s.limit, Rate: store.Rate{Tokens: 1, Per: 86400 * 1e6}}
	day, use := today(s.limit+9), newRecord()
	s.meters = [][]store.Meter{{use}, {rate}, {day}, {rate, day, use}, {day, use}}[rnd.IntN(5)]
	switch {
	case s.meters[0] == use:
		s.limit = store.Unlimited
	case s.meters[0] == day:
		s.limit = day.Max
	}
	return s
}

// charge returns a charge of n units of each subject.
func (s *scene) charge(n int64, subjects ...string) *store.Charge {
	c := &store.Charge{At: time.Now()}
	for _, subject := range subjects {
		c.Parts = append(c.Parts, store.NewPart(subject, n, slices.Clone(s.meters)...))
	}
	return c
}

// take makes a charge. Its last parts may be of other subjects than those of the scene.
func (s *scene) take(c *store.Charge, others int) (ok bool) {
	a := answer{n: c.Parts[0].N[0], began: time.Now(), alone: others == 0}
	if err := s.c.Take(s.t.Context(), c); err != nil {
		s.t.Error(err)
		return false
	}
	a.ok, a.ended = c.OK, time.Now()
	for _, part := range c.Parts[:len(c.Parts)-others] {
		for _, l := range part.Levels {
			a.used = append(a.used, l.Used)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = append(s.answers, a)
	return a.ok
}

// act makes a charge of a kind:
//
//	one        takes a unit of one subject
//	parts      takes a unit of both subjects, or fails to because of a third one, or reads both
//	mixed      the same in any order, with other amounts, and reads one of both
//	refunds    the same, and gives units back, also together with a cold subject
//	hold       takes units of one subject, and gives them back
//	cold       takes a unit of one subject, mostly together with one of a new subject
func (s *scene) act(kind string, caller, round int) {
	const key, org = "acme>key", "acme"
	subjects := []string{key, org}
	if s.store.below(2) == 0 {
		slices.Reverse(subjects)
	}
	full := store.NewPart("acme>full", 1, today(0))
	switch what := s.store.below(6); {
	case kind == "one", kind == "cold" && what == 0:
		s.take(s.charge(1, org), 0)
	case kind == "cold":
		c := s.charge(1, org)
		c.Parts = append(c.Parts, store.NewPart(fmt.Sprintf("acme>cold-%d-%d", caller, round), 1, newRecord()))
		s.take(c, 1)
	case kind == "hold":
		n := max(1, (s.limit-s.before)/30)
		if s.take(s.charge(n, org), 0) {
			time.Sleep(s.store.time(s.pause))
			s.take(s.charge(-n, org), 0)
		}
	case kind == "parts" && caller%3 == 0:
		s.take(s.charge(1, subjects...), 0)
	case kind == "parts" && caller%3 == 2, what == 0:
		s.take(s.charge(0, subjects...), 0)
	case kind == "parts", what == 1:
		c := s.charge(7, subjects...)
		c.Parts = append(c.Parts, full)
		s.take(c, 1)
	case kind == "refunds" && what == 2:
		s.take(s.charge(-1, subjects...), 0)
	case kind == "refunds" && what == 3:
		c := s.charge(-1, subjects...)
		c.Parts = append(c.Parts, store.NewPart(fmt.Sprintf("acme>cold-%d-%d", caller, round), 1, newRecord()))
		s.take(c, 1)
	case what == 2:
		s.take(s.charge(0, subjects[0]), 0)
	default:
		s.take(s.charge(int64(what)-2, subjects...), 0)
	}
}

// play has all callers act, and checks what they were told.
func (s *scene) play(kind string) {
	if s.before > 0 {
		s.take(s.charge(s.before, "acme>key", "acme"), 0)
		time.Sleep(time.Second)
	}
	var all sync.WaitGroup
	for caller := range s.callers {
		all.Go(func() {
			for round := range s.rounds {
				s.act(kind, caller, round)
				time.Sleep(s.store.time(s.pause))
			}
		})
	}
	all.Wait()
	told := map[int64]bool{}
	for i := range s.answers {
		a := &s.answers[i]
		s.oneInstant(a)
		if s.within(a); kind == "refunds" || kind == "hold" || kind == "cold" || !a.ok {
			continue
		}
		for n := range a.n { // nothing is given back, so each unit is told once
			unit := a.used[0] - n
			require.False(s.t, told[unit], "unit %d was told twice: %+v", unit, a)
			told[unit] = true
		}
	}
}

// oneInstant checks that all levels of an answer are of one instant: every charge takes
// the same of every meter. A refusal is of an instant at which there was no room.
func (s *scene) oneInstant(a *answer) {
	require.Equal(s.t, slices.Min(a.used), slices.Max(a.used), "%+v", a)
	if a.alone && !a.ok {
		require.Greater(s.t, a.used[0]+a.n, s.limit, "%+v", a)
	}
}

// within checks that the instant of an answer is between the beginning and the end of the
// call: it shows every charge that ended before, and none that began after it.
func (s *scene) within(a *answer) {
	var least, most int64
	if a.ok {
		least = max(a.n, 0)
	}
	for i := range s.answers {
		b := &s.answers[i]
		ended, began := b.ended.Before(a.began), !b.began.After(a.ended)
		if !b.ok {
			continue
		}
		if ended && b.n > 0 || began && b.n < 0 {
			least += b.n
		}
		if began && b.n > 0 || ended && b.n < 0 {
			most += b.n
		}
	}
	require.GreaterOrEqual(s.t, a.used[0], least, "%+v", a)
	require.LessOrEqual(s.t, a.used[0], most, "%+v", a)
}

// TestOneInstant plays many random scenes over a store whose answers come in any order.
// All levels of each answer are of one instant between the beginning and the end of the
// call. RATION_MANY_ROUNDS plays more scenes.
func TestOneInstant(t *testing.T) {
	t.Parallel()
	seeds := uint64(50)
	switch {
	case os.Getenv(manyRounds) != "":
		seeds = 3000
	case testing.Short():
		seeds = 10
	}
	for kind, before := range map[string]int64{"one": 0, "parts": 0, "mixed": 0, "refunds": 500, "hold": 0, "cold": 0} {
		t.Run(kind, func(t *testing.T) {
			for seed := range seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { newScene(t, seed, before, kind == "cold" && seed%4 == 3).play(kind) })
				})
			}
		})
	}
}
