package lease_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// A trouble is what happens in a poolScene beside its charges.
type trouble string

const (
	none        trouble = "nothing"
	failing     trouble = "the store fails now and then"
	outages     trouble = "the store cannot be reached for a while, now and then"
	losing      trouble = "answers are lost now and then"
	closing     trouble = "the Counter is closed meanwhile"
	changing    trouble = "the plan changes"
	twoCounters trouble = "two processes"
)

// shaky is an uneven store that fails at random.
type shaky struct {
	*uneven
	trouble trouble
	calm    bool // it fails no longer; guarded by uneven.mu

	down     atomic.Bool
	answered atomic.Int64 // Unix nanoseconds of the last answer
}

func (s *shaky) fails() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.calm && s.rnd.IntN(8) == 0
}

func (s *shaky) calmDown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calm = true
}

// Take implements store.Counter.
func (s *shaky) Take(ctx context.Context, c *store.Charge) error {
	fails := s.fails()
	if fails && s.trouble == failing || s.down.Load() {
		_ = wait(context.Background(), s.time(s.most))
		return fmt.Errorf("%w: no connection", store.ErrNotTaken)
	}
	err := s.uneven.Take(ctx, c)
	s.answered.Store(time.Now().UnixNano())
	if fails && s.trouble == losing && err == nil {
		return errors.New("the answer was lost")
	}
	return err
}

// A poolScene has callers that each repeat charges of one kind for a while, so that pools
// open, and are closed by callers with other kinds of charges.
type poolScene struct {
	t       *testing.T
	trouble trouble
	store   *shaky
	of      []*lease.Counter
	day     store.Meter
	rate    store.Meter
	use     store.Meter
	short   int64         // the Max of windows that end
	pause   time.Duration // between two charges of a caller, at most
	life    time.Duration
	callers int
	rounds  int
	kinds   int
	kind    []int // of charges that are made most
	pooled  int   // charges after which a pool was open; guarded by mu
	changed bool  // the plan has changed; guarded by mu

	mu    sync.Mutex
	moves []poolMove
}

// A poolMove is one answered charge of a caller.
type poolMove struct {
	n            int64
	ok, failed   bool // failed: the outcome is unknown
	began, ended time.Time
	meters       []store.Meter
	used         []int64
}

// A counted meter is told from others by these.
type counted struct {
	name  string
	start int64
}

func countedOf(m *store.Meter) counted { return counted{m.Name, m.Start} }

func newPoolScene(t *testing.T, seed uint64, what trouble) *poolScene {
	rnd := rand.New(rand.NewPCG(seed, 11))
	of := func(of ...time.Duration) time.Duration { return of[rnd.IntN(len(of))] }
	s := &poolScene{t: t, trouble: what, callers: []int{2, 5, 9}[rnd.IntN(3)]}
	s.store = &shaky{uneven: &uneven{Counter: memory.New(memory.Config{}), rnd: rnd}, trouble: what}
	s.store.most = of(50*time.Microsecond, time.Millisecond, 8*time.Millisecond)
	s.pause = of(time.Microsecond, 50*time.Microsecond, time.Millisecond)
	cfg := lease.Config{Timeout: time.Minute}
	if rnd.IntN(3) == 0 {
		cfg.Block, cfg.Life = time.Millisecond, 20*time.Millisecond
	}
	s.life = max(cfg.Life, 20*time.Millisecond)
	if cfg.Life == 0 {
		s.life = time.Second
	}
	processes := 1
	if what == twoCounters {
		processes = 3
	}
	for range processes {
		c, err := lease.New(s.store, cfg)
		require.NoError(t, err)
		if s.of = append(s.of, c); rnd.IntN(2) == 0 {
			c.Eager()
		}
	}
	if s.rounds = 25; what == outages {
		s.rounds = 60
	}
	s.kinds = 1 + rnd.IntN(3)
	for range s.kinds {
		s.kind = append(s.kind, rnd.IntN(7))
	}
	limits := []int64{5, 70, 1500, 6000, 9000}
	s.day, s.use = today(limits[rnd.IntN(5)]), newRecord()
	s.rate = store.Meter{Name: "rate", Max: limits[rnd.IntN(5)], Rate: store.Rate{Tokens: 1, Per: 86400 * 1e6}}
	s.short = limits[rnd.IntN(5)]
	return s
}

// meters returns the meters of a kind of charge.
func (s *poolScene) meters(kind int) []store.Meter {
	short := second(time.Now())
	short.Max = s.short
	day := s.day
	s.mu.Lock()
	if s.changed {
		day.Max = day.Max*3/4 + 1
	}
	s.mu.Unlock()
	switch kind {
	case 0:
		return []store.Meter{day, s.use}
	case 1:
		return []store.Meter{s.rate, day, s.use}
	case 2:
		return []store.Meter{short, s.use}
	case 3:
		return []store.Meter{s.rate, short}
	case 4:
		return []store.Meter{day}
	case 5:
		return []store.Meter{day, short, s.use}
	}
	return []store.Meter{s.use}
}

// take charges n units of each meter, and notes the answer.
func (s *poolScene) take(c *lease.Counter, n int64, meters []store.Meter) bool {
	charge := store.NewCharge("hot", n, meters...)
	charge.At = time.Now()
	m := poolMove{n: n, began: charge.At, meters: meters}
	err := c.Take(context.Background(), charge)
	m.ok, m.ended = charge.OK && err == nil, time.Now()
	if late := m.ended.UnixNano() - s.store.answered.Load(); m.ok && late > int64(s.life) && meters[0] != s.use {
		s.t.Errorf("%+v: admitted %v after the last answer: want at most %v", meters, time.Duration(late), s.life)
	}
	switch {
	case errors.Is(err, store.ErrNotTaken):
		return false
	case err != nil:
		if s.trouble != losing {
			s.t.Error(err)
		}
		m.failed = true
	}
	for _, l := range charge.Parts[0].Levels {
		m.used = append(m.used, l.Used)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves = append(s.moves, m)
	if c.HasPool("hot") {
		s.pooled++
	}
	return m.ok
}

// act makes a few charges of one kind, and may give them back.
func (s *poolScene) act() {
	c := s.of[s.store.below(len(s.of))]
	n := []int64{1, 1, 1, 1, 2, 3, 7}[s.store.below(7)]
	kind := s.kind[s.store.below(s.kinds)]
	if s.store.below(8) == 0 {
		kind = s.store.below(7)
	}
	meters := s.meters(kind)
	var taken int64
	for range 1 + s.store.below(40) {
		if s.take(c, n, meters) {
			taken += n
		}
		time.Sleep(s.store.time(s.pause))
	}
	if taken > 0 && s.store.below(4) == 0 {
		s.take(c, -taken, meters)
	}
}

func (s *poolScene) play() {
	var all sync.WaitGroup
	for range s.callers {
		all.Go(func() {
			for range s.rounds {
				s.act()
				time.Sleep(s.store.time(30 * time.Millisecond))
			}
		})
	}
	if s.trouble == outages {
		for range 8 {
			time.Sleep(s.store.time(60 * time.Millisecond))
			s.store.down.Store(true)
			time.Sleep(s.store.time(2 * s.life))
			s.store.down.Store(false)
		}
	}
	if s.trouble == closing || s.trouble == changing {
		time.Sleep(s.store.time(400 * time.Millisecond))
		if s.trouble == closing {
			require.NoError(s.t, s.of[0].Close(context.Background()))
		}
		s.mu.Lock()
		s.changed = s.trouble == changing
		s.mu.Unlock()
	}
	all.Wait()
	s.store.calmDown()
	time.Sleep(3 * time.Second) // leases expire
	s.finish()
}

// TestPools plays random scenes of repeated charges, most of which a pool can decide. No
// limit is exceeded, the quota of the day is used up to its last unit, and the store
// counts exactly what was admitted. RATION_MANY_ROUNDS plays more scenes.
func TestPools(t *testing.T) {
	t.Parallel()
	seeds := uint64(6)
	if os.Getenv(manyRounds) != "" {
		seeds = 300
	}
	for _, what := range []trouble{none, failing, outages, losing, closing, changing, twoCounters} {
		t.Run(string(what), func(t *testing.T) {
			for seed := range seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { newPoolScene(t, seed, what).play() })
				})
			}
		})
	}
}
