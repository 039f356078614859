package lease_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// lose has the next n answers of settlements be lost. If never is set, the settlements
// themselves are.
func (s *shared) lose(n int64, never bool) {
	var lost atomic.Int64
	hook := func(c *store.Charge) error {
		if len(c.Parts) > 1 && lost.Add(1) <= n {
			return errors.New("no answer")
		}
		return nil
	}
	if never {
		s.before.Store(&hook)
	} else {
		s.after.Store(&hook)
	}
}

// TestLostSettlement loses settlements or their answers, and what follows differs. In the
// end each unit counts once, and nothing of the subject is leased.
func TestLostSettlement(t *testing.T) {
	const forever = 1 << 40
	tests := map[string]struct {
		lost int64
		then func(t *testing.T, s *shared, c *lease.Counter, day *store.Meter) // returns when answers come again
	}{
		"once":          {1, func(*testing.T, *shared, *lease.Counter, *store.Meter) {}},
		"and questions": {4, func(*testing.T, *shared, *lease.Counter, *store.Meter) {}},
		"for a minute":  {forever, func(_ *testing.T, s *shared, _ *lease.Counter, _ *store.Meter) { time.Sleep(time.Minute) }},
		"and the window ends": {forever, func(_ *testing.T, _ *shared, _ *lease.Counter, day *store.Meter) {
			time.Sleep(time.Until(time.Unix(day.End, 0)))
		}},
		"and the limit changes": {forever, func(t *testing.T, s *shared, c *lease.Counter, day *store.Meter) {
			day.Max += 1000
			spend(t, c, 1, 0, *day)
			_, err := take(c, -1, *day)
			require.NoError(t, err)
		}},
		"and the Counter is closed": {forever, func(t *testing.T, s *shared, c *lease.Counter, _ *store.Meter) {
			require.Error(t, c.Close(t.Context()), "it says so")
		}},
		"and the subject moves": {1, func(t *testing.T, s *shared, _ *lease.Counter, _ *store.Meter) {
			require.NoError(t, s.Counter.Take(t.Context(), &store.Charge{
				Op: store.Move, At: time.Now(), Parts: []store.Part{{Subject: "hot"}, {Subject: "acme>hot"}},
			}))
		}},
	}
	for name, test := range tests {
		for _, never := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/never=%t", name, never), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newFar(time.Millisecond)
					c := newCounter(t, s, lease.Config{})
					day, use := today(100_000), newRecord()
					day.End = day.Start + 30
					first := day
					admitted := spend(t, c, 1000, 100*time.Microsecond, day, use)
					s.lose(test.lost, never)
					admitted += spend(t, c, 300, 100*time.Microsecond, day, use)

					test.then(t, s, c, &day)
					s.lose(0, never)
					time.Sleep(2 * time.Second)
					require.NoError(t, c.Close(t.Context()))
					subject := "hot"
					if strings.Contains(name, "moves") {
						subject = "acme>hot"
					} else {
						require.Zero(t, leased(t, s, first))
					}
					require.Equal(t, admitted, s.usedBy(t, subject, use))
					require.Equal(t, admitted, s.usedBy(t, subject, first))
				})
			})
		}
	}
}

// TestLateSettlement has a settlement that gives back reach the store after the Counter
// has found it missing. It does not happen twice.
func TestLateSettlement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day, use := today(100_000), newRecord()
		admitted := spend(t, c, 1000, 100*time.Microsecond, day, use)
		var late *store.Charge
		s.use(func(c *store.Charge) error {
			if late != nil || len(c.Parts) < 2 {
				return nil
			}
			late = &store.Charge{At: c.At}
			for _, p := range c.Parts {
				late.Parts = append(late.Parts, store.Part{Subject: p.Subject, Meters: p.Meters, N: p.N})
			}
			return errors.New("no answer")
		})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.NotNil(t, late)
		require.EqualValues(t, admitted, s.used(t, day))
		require.NoError(t, s.Counter.Take(t.Context(), late))
		require.False(t, late.OK)
		require.EqualValues(t, admitted, s.used(t, use))
	})
}

// TestOneMark has a subject become hot again and again. The store keeps one mark for it.
func TestOneMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, marks := newShared(), map[string]bool{}
		s.use(func(c *store.Charge) error {
			last := c.Parts[len(c.Parts)-1]
			if len(c.Parts) > 1 && strings.HasPrefix(last.Subject, "hot>leased\x00") && len(last.Subject) > len("hot>leased\x00") {
				marks[last.Subject+last.Meters[0].Name] = true
			}
			return nil
		})
		c := newCounter(t, s, lease.Config{})
		day := today(1 << 40)
		for range 20 {
			spend(t, c, 500, 100*time.Microsecond, day)
			time.Sleep(5 * time.Second)
		}
		synctest.Wait()
		require.Len(t, marks, 1)
	})
}
