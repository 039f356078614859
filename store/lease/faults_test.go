package lease_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestPanic has the store panic in a charge, as a handler of net/http survives it. Later
// charges of the subject are decided as before.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day := today(10_000)
		spend(t, c, 100, 100*time.Microsecond, day)
		s.use(func(c *store.Charge) error {
			if c.Parts[0].N[0] == 5000 {
				panic("a bug of the store")
			}
			return nil
		})
		require.Panics(t, func() { take(c, 5000, day) })
		require.EqualValues(t, 1000, spend(t, c, 1000, time.Millisecond, day))
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 1100, s.used(t, day), "an idle subject gives back")
	})
}

// TestPanicInBackground has the store panic in settlements. The process goes on.
func TestPanicInBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(2 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day := today(1_000_000)
		s.use(func(c *store.Charge) error {
			if len(c.Parts) > 1 {
				panic("a bug of the store")
			}
			return nil
		})
		require.EqualValues(t, 1000, spend(t, c, 1000, 100*time.Microsecond, day))
		s.use(nil)
		require.EqualValues(t, 1000, spend(t, c, 1000, 100*time.Microsecond, day))
	})
}

// TestSettlementsFail has every settlement fail. Charges are exact meanwhile, and nothing
// is lost.
func TestSettlementsFail(t *testing.T) {
	for name, fault := range map[string]error{
		"the store is full":         fmt.Errorf("%w: %w", store.ErrNotTaken, store.ErrFull),
		"counts are kept elsewhere": fmt.Errorf("%w: %w", store.ErrNotTaken, store.ErrApart),
		"no answer":                 errors.New("no answer"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFar(time.Millisecond)
				s.use(func(c *store.Charge) error {
					if len(c.Parts) > 1 {
						return fault
					}
					return nil
				})
				c := newCounter(t, s, lease.Config{})
				day, use := today(1<<40), newRecord()
				require.EqualValues(t, 1000, spend(t, c, 1000, time.Millisecond, day, use))
				s.use(nil)
				require.NoError(t, c.Close(t.Context()))
				require.EqualValues(t, 1000, s.used(t, day))
				if errors.Is(fault, store.ErrNotTaken) {
					require.EqualValues(t, 1000, s.used(t, use))
				}
			})
		})
	}
}

// TestOneChargeHangs has one charge of a hot subject hang in the store. The others go on.
func TestOneChargeHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day := today(1 << 40)
		ask := func(int, int) (bool, error) { return take(c, 1, day) }
		require.EqualValues(t, 16*100, crowd(16, 100, time.Millisecond, ask).admitted)
		hang := make(chan struct{})
		s.use(func(c *store.Charge) error {
			if c.Parts[0].N[0] == 1<<30 {
				<-hang
			}
			return nil
		})
		go take(c, 1<<30, day)
		defer close(hang)
		sum := crowd(16, 2000, time.Millisecond, ask)
		t.Logf("%+v", sum)
		require.EqualValues(t, 16*2000, sum.admitted)
		require.Less(t, sum.waited, sum.admitted/20)
	})
}

// TestAfterOutage counts the calls during an outage and after it. A subject is leased
// again as soon as the store answers.
func TestAfterOutage(t *testing.T) {
	for _, expired := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newFar(time.Millisecond)
			c := newCounter(t, s, lease.Config{})
			day := today(1 << 40)
			ask := func(n int) (tally, int64) {
				before := s.takes.Load()
				sum := crowd(4, n, time.Millisecond, func(int, int) (bool, error) { return take(c, 1, day) })
				return sum, s.takes.Load() - before
			}
			ask(1000)
			s.broken.Store(true)
			if expired { // with units that are to be given back
				time.Sleep(1500 * time.Millisecond)
			}
			sum, calls := ask(20_000)
			require.Less(t, calls, 4*20_000*11/int64(10), "about one call for each charge")
			require.Positive(t, sum.failed)

			s.broken.Store(false)
			sum, calls = ask(2000)
			require.EqualValues(t, 4*2000, sum.admitted)
			require.Less(t, calls, int64(4*2000/10), "leased again")
		})
	}
}

// TestShortLife leases units for less time than a round trip takes, and loses each answer
// that comes too late. No caller fails, and each unit counts once.
func TestShortLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(80 * time.Millisecond)
		c := newCounter(t, s, lease.Config{Block: 20 * time.Millisecond, Life: 50 * time.Millisecond, Timeout: time.Second})
		day := today(1_000_000)
		sum := crowd(64, 50, time.Millisecond, func(int, int) (bool, error) { return take(c, 1, day) })
		require.EqualValues(t, 64*50, sum.admitted)
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, sum.admitted, s.used(t, day))
	})
}

// lines is a slog.Handler that counts.
type lines struct {
	slog.Handler
	n atomic.Int64
}

func (l *lines) Enabled(context.Context, slog.Level) bool  { return true }
func (l *lines) Handle(context.Context, slog.Record) error { l.n.Add(1); return nil }

// TestLogger counts the lines while one subject fails and another does not.
func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, log := newFar(time.Millisecond), new(lines)
		c := newCounter(t, s, lease.Config{Logger: slog.New(log)})
		day := today(1 << 40)
		ask := func(n int) {
			crowd(2, n, time.Millisecond, func(i, _ int) (bool, error) { return takeOf(c, []string{"good", "bad"}[i], 1, day) })
		}
		ask(1000)
		require.Zero(t, log.n.Load())
		s.use(func(c *store.Charge) error {
			if strings.HasPrefix(c.Parts[0].Subject, "bad") {
				return errors.Join(store.ErrNotTaken, errors.New("its shard is down"))
			}
			return nil
		})
		ask(10_000)
		t.Logf("%d lines", log.n.Load())
		require.Positive(t, log.n.Load())
		require.Less(t, log.n.Load(), int64(100))
		s.use(nil)
	})
}
