package redis

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// pressure charges one subject from many goroutines until stop, and counts the outcomes.
type pressure struct {
	admitted, refused, notTaken, unknown atomic.Int64
	wg                                   sync.WaitGroup
	over                                 chan struct{}
}

func press(t *testing.T, s *Store, subject string, limit int64) *pressure {
	p := &pressure{over: make(chan struct{})}
	for range 8 {
		p.wg.Go(func() {
			for {
				select {
				case <-p.over:
					return
				case <-time.After(p.charge(t, s, subject, limit)):
				}
			}
		})
	}
	return p
}

// charge returns how long to wait before the next charge: a moment, if this one failed.
func (p *pressure) charge(t *testing.T, s *Store, subject string, limit int64) time.Duration {
	day := quota
	day.Max = limit
	c := chargeAt(store.Spend, time.Now(), subject, 1, day, throttle)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	switch err := s.Take(ctx, c); {
	case errors.Is(err, store.ErrNotTaken):
		p.notTaken.Add(1)
	case err != nil:
		p.unknown.Add(1)
	case c.OK:
		p.admitted.Add(1)
		return 0
	default:
		p.refused.Add(1)
	}
	return time.Millisecond
}

func (p *pressure) stop(t *testing.T) (admitted, unknown int64) {
	close(p.over)
	p.wg.Wait()
	t.Logf("%d admitted, %d refused, %d not taken, %d unknown", p.admitted.Load(), p.refused.Load(), p.notTaken.Load(), p.unknown.Load())
	return p.admitted.Load(), p.unknown.Load()
}

func (p *pressure) reaches(t *testing.T, n int64) {
	t.Helper()
	require.Eventually(t, func() bool { return p.admitted.Load() >= n }, 60*time.Second, time.Millisecond)
}

// onCluster returns a Store over a Cluster of its own.
func onCluster(t *testing.T) (*redistest.Cluster, *Store) {
	rig := redistest.StartCluster(t)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: rig.Addrs, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return rig, newStore(t, client, decisionScripts)
}

// TestMigration moves the slot of a subject from primary to primary while the subject is
// charged. What MOVED and ASK answer is counted once, and nothing fails. That holds for a
// subject with a past, and for one without, as most are.
func TestMigration(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	rig, s := onCluster(t)
	for _, subject := range []string{"with a past", "ordinary"} {
		t.Run(subject, func(t *testing.T) {
			limit := int64(20_000)
			if subject == "with a past" {
				makePast(t, s, subject)
				limit++ // that charge took one
			}
			p := press(t, s, subject, limit)
			slot := rig.Slot(t, "ration:{"+subject+"}")
			moves := 0
			for ; p.admitted.Load() < 20_000 && moves < 8; moves++ {
				rig.Migrate(t, slot)
			}
			p.reaches(t, 20_000)
			admitted, unknown := p.stop(t)
			t.Logf("%d moves", moves)
			require.GreaterOrEqual(t, moves, 3)
			require.EqualValues(t, 20_000, admitted)
			require.Zero(t, unknown, "a redirection is not an unknown outcome")
			require.Zero(t, p.notTaken.Load())
		})
	}
}

// makePast charges a subject yesterday and today.
func makePast(t *testing.T, s *Store, subject string) {
	t.Helper()
	yesterday := quota
	yesterday.Start, yesterday.End, yesterday.Keep = quota.Start-86400, quota.End-86400, 90*24*time.Hour
	before := chargeAt(store.Spend, time.Now(), subject, 7, yesterday)
	require.NoError(t, s.Take(t.Context(), before))
	require.NoError(t, s.Take(t.Context(), one(subject)))
}

// TestMovingSlot stops a move half way, whichever keys have moved. At both ends a charge
// that needs only the value is answered. A charge that needs the past fails, and its
// error says that nothing was charged, unless the move ends in time.
func TestMovingSlot(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	rig, s := onCluster(t)
	tomorrow := func(subject string) *store.Charge {
		c := one(subject)
		c.At = c.At.Add(24 * time.Hour)
		c.Parts[0].Meters = []store.Meter{quota}
		c.Parts[0].Meters[0].Start, c.Parts[0].Meters[0].End = quota.Start+86400, quota.End+86400
		return c
	}
	for _, test := range []struct {
		name  string
		past  bool
		moved []string // the keys that have moved
		today bool     // whether the subject was charged today
	}{
		{"new", false, nil, false},
		{"stays", false, nil, true},
		{"gone", false, []string{""}, true},
		{"stays, with a past", true, nil, true},
		{"past gone", true, []string{":past"}, true},
		{"value gone", true, []string{""}, true},
		{"both gone", true, []string{"", ":past"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			key := "ration:{" + test.name + "}"
			if test.past {
				makePast(t, s, test.name)
			} else if test.today {
				require.NoError(t, s.Take(t.Context(), one(test.name)))
			}
			move := rig.Begin(t, rig.Slot(t, key))
			for _, suffix := range test.moved {
				move.Key(t, key+suffix)
			}
			before := int64(0)
			if test.today {
				before = 1
			}
			for i := range int64(3) {
				c := one(test.name)
				require.NoError(t, s.Take(t.Context(), c))
				require.EqualValues(t, before+i+1, c.Parts[0].Levels[0].Used)
			}
			together := test.past && len(test.moved) != 1
			err := s.Take(t.Context(), tomorrow(test.name))
			if together {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.ErrorContains(t, err, "TRYAGAIN")
			}
			charged := make(chan error, 1)
			go func() { charged <- s.Take(t.Context(), tomorrow(test.name)) }()
			move.End(t)
			if err := <-charged; err != nil { // the move took too long
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.NoError(t, s.Take(t.Context(), tomorrow(test.name)))
			}
			require.EqualValues(t, before+3, used(t, s, test.name))
			after := tomorrow(test.name)
			after.Parts[0].N[0] = 0
			require.NoError(t, s.Take(t.Context(), after))
			if together {
				require.EqualValues(t, 2, after.Parts[0].Levels[0].Used)
			} else {
				require.EqualValues(t, 1, after.Parts[0].Levels[0].Used)
			}
			if test.past {
				yesterday := []store.Meter{quota}
				yesterday[0].Start, yesterday[0].End = quota.Start-86400, quota.End-86400
				levels := make([]store.Level, 1)
				require.NoError(t, s.Peek(t.Context(), time.Now(), []string{test.name}, yesterday, levels, nil))
				require.EqualValues(t, 7, levels[0].Used)
			}
		})
	}
	t.Run("directory", func(t *testing.T) {
		require.NoError(t, s.InsertKey(t.Context(), sampleKey))
		linked := apikey.Key{ID: "linked", Digest: apikey.DigestOf("linked"), Version: 1}
		require.NoError(t, s.InsertKey(t.Context(), linked))
		require.NoError(t, s.InsertPlan(t.Context(), usageplan.Plan{ID: "p"}))
		require.NoError(t, s.InsertLink(t.Context(), usageplan.Link{PlanID: "p", KeyID: "linked"}))
		grouped := apikey.Key{ID: "grouped", GroupID: "none", Digest: apikey.DigestOf("grouped"), Version: 1}
		require.NoError(t, s.InsertKey(t.Context(), grouped))
		require.NoError(t, s.InsertLink(t.Context(), usageplan.Link{PlanID: "p", KeyID: "grouped"}))
		move := rig.Begin(t, rig.Slot(t, s.directoryKey("last")))
		_, err := s.KeyByDigest(t.Context(), sampleKey.Digest)
		require.NoError(t, err)
		_, err = s.KeyLinks(t.Context(), "k") // a key without links
		require.ErrorContains(t, err, "TRYAGAIN")
		// The call names no key that does not exist.
		_, err = s.AccessByDigest(t.Context(), sampleKey.Digest)
		require.ErrorContains(t, err, "TRYAGAIN")
		a, err := s.AccessByDigest(t.Context(), linked.Digest)
		require.NoError(t, err, "there are no groups, which a key without one does not need")
		require.Len(t, a.Plans, 1)
		_, err = s.AccessByDigest(t.Context(), grouped.Digest)
		require.ErrorContains(t, err, "TRYAGAIN", "the groups may be elsewhere")
		listed := make(chan error, 1)
		go func() {
			_, err := s.KeyLinks(t.Context(), "k")
			listed <- err
		}()
		move.End(t)
		if err := <-listed; err != nil { // the move took too long
			require.ErrorContains(t, err, "TRYAGAIN")
		}
		_, err = s.KeyLinks(t.Context(), "k")
		require.NoError(t, err)
		a, err = s.AccessByDigest(t.Context(), grouped.Digest)
		require.NoError(t, err)
		require.Empty(t, a.Groups)
	})
}

// TestFailover makes replicas masters while a subject is charged. A store that was made
// before goes on with the new masters. An orderly failover loses nothing.
func TestFailover(t *testing.T) {
	t.Parallel()
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		rig, s := onCluster(t)
		const limit = 10_000
		p := press(t, s, "a", limit)
		p.reaches(t, 100)
		rig.Failover(t, rig.Slot(t, "ration:{a}"))
		require.Eventually(t, func() bool { return p.refused.Load() > 0 }, 60*time.Second, time.Millisecond)
		admitted, unknown := p.stop(t)
		require.LessOrEqual(t, admitted, int64(limit))
		require.GreaterOrEqual(t, admitted+unknown, int64(limit))
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		rig := redistest.StartSentinel(t)
		s, err := Open("redis://"+rig.Addrs[0]+"?master_set="+redistest.Master+"&addr="+rig.Addrs[1]+"&addr="+rig.Addrs[2], Config{})
		require.NoError(t, err)
		defer s.Close()
		const limit = 1 << 40
		p := press(t, s, "a", limit)
		p.reaches(t, 1000)
		rig.Failover(t) // writes that the replica did not have yet are lost
		after := p.admitted.Load()
		p.reaches(t, after+1000)
		admitted, unknown := p.stop(t)
		counted := used(t, s, "a")
		t.Logf("%d were lost", admitted-counted)
		require.LessOrEqual(t, counted, admitted+unknown, "nothing is counted twice")
		require.Greater(t, counted, int64(1000))
	})
}
