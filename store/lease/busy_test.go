package lease_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestCloseWhileBusy closes a Counter whose callers go on. What they do afterwards is
// charged exactly.
func TestCloseWhileBusy(t *testing.T) {
	tests := map[string]struct {
		meter  func() store.Meter
		refund int64
	}{
		"records": {newRecord, 0},
		"refunds": {func() store.Meter { return today(1_000_000) }, -1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFar(2 * time.Millisecond)
				c := newCounter(t, s, lease.Config{})
				m := test.meter()
				time.AfterFunc(500*time.Millisecond, func() { require.NoError(t, c.Close(t.Context())) })
				sum := crowd(4, 1000, time.Millisecond, func(int, int) (bool, error) {
					if ok, err := take(c, 2, m); !ok || test.refund == 0 {
						return ok, err
					}
					return take(c, test.refund, m)
				})
				require.EqualValues(t, 4000, sum.admitted)
				require.Equal(t, (2+test.refund)*sum.admitted, s.used(t, m))
			})
		})
	}
}

// TestManyGiveBack has thousands of hot subjects give back at the same time. A caller
// that comes back meanwhile does not wait for the others.
func TestManyGiveBack(t *testing.T) {
	for _, end := range []string{"idle", "closed"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFar(2 * time.Millisecond)
				c := newCounter(t, s, lease.Config{})
				day := today(1 << 50)
				const subjects = 1500
				sum := crowd(subjects, 20, 0, func(i, _ int) (bool, error) { return takeOf(c, fmt.Sprint("s", i), 1, day) })
				require.EqualValues(t, 20*subjects, sum.admitted)
				if end == "closed" {
					go c.Close(t.Context())
				} else {
					time.Sleep(470 * time.Millisecond)
					for s.inFlight.Load() == 0 {
						time.Sleep(time.Millisecond)
					}
				}
				time.Sleep(time.Millisecond)
				sum = crowd(subjects, 1, 0, func(i, _ int) (bool, error) { return takeOf(c, fmt.Sprint("s", i), 5000, day) })
				require.EqualValues(t, subjects, sum.admitted)
				require.Less(t, sum.worst, 20*time.Millisecond)
			})
		})
	}
}

// TestFewSettlementsAtOnce keeps thousands of subjects busy. Their settlements do not
// reach the store all at the same moment.
func TestFewSettlementsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared()
		c := newCounter(t, s, lease.Config{})
		use := newRecord()
		round := func(caller, _ int) (bool, error) { return takeOf(c, fmt.Sprint("s", caller), 1, use) }
		require.Zero(t, crowd(1000, 20, 0, round).failed)
		s.most.Store(0)
		s.delay.Store(int64(20 * time.Millisecond))
		require.Zero(t, crowd(1000, 50, 20*time.Millisecond, round).failed)
		// 16 settlements, and charges of a few subjects that share their slots of the heat
		require.LessOrEqual(t, s.most.Load(), int64(100))
	})
}

// TestMoveWhileBusy moves a subject that callers charge. Nothing is lost, and no caller
// hangs.
func TestMoveWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(4 * time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		use := newRecord()
		moved := func() {
			require.NoError(t, c.Take(t.Context(), &store.Charge{
				Op: store.Move, At: time.Now(), Parts: []store.Part{{Subject: "hot"}, {Subject: "acme>hot"}},
			}))
		}
		time.AfterFunc(500*time.Millisecond, moved)
		sum := crowd(4, 1000, time.Millisecond, func(int, int) (bool, error) {
			ok, err := take(c, 1, use)
			if _, is := errors.AsType[*store.MovedError](err); is {
				err = nil
			}
			return ok, err
		})
		require.Zero(t, sum.failed)
		require.Positive(t, sum.refused, "after the Move")
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, sum.admitted, s.usedBy(t, "acme>hot", use))
	})
}

// TestMoveByAnother has another process move a hot subject, and the first give-back to
// the new subject fail. It is tried again.
func TestMoveByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(time.Millisecond)
		c := newCounter(t, s, lease.Config{})
		day, use := today(1_000_000), newRecord()
		admitted := spend(t, c, 1000, 100*time.Microsecond, day, use)
		require.NoError(t, s.Counter.Take(t.Context(), &store.Charge{
			Op: store.Move, At: time.Now(), Parts: []store.Part{{Subject: "hot"}, {Subject: "acme>hot"}},
		}))
		var once sync.Once
		s.use(func(c *store.Charge) (err error) {
			if c.Parts[0].Subject == "acme>hot" {
				once.Do(func() { err = errors.Join(store.ErrNotTaken, errors.New("no connection")) })
			}
			return err
		})
		admitted += spend(t, c, 1000, 100*time.Microsecond, day, use)
		time.Sleep(2 * time.Second)
		require.NoError(t, c.Close(t.Context()))
		require.Equal(t, admitted, s.usedBy(t, "acme>hot", day))
		require.Equal(t, admitted, s.usedBy(t, "acme>hot", use))
	})
}
