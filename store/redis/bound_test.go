package redis

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// TestBatchIsBounded checks that a call carries at most so many requests and so many
// meters, and at least one request.
func TestBatchIsBounded(t *testing.T) {
	client := &counted{Client: single(t, redistest.Start(t))}
	s := newStore(t, client, decisionScripts)
	of := func(parts, meters int) *store.Charge {
		c := &store.Charge{}
		for i := range parts {
			var all []store.Meter
			for j := range meters {
				all = append(all, store.Meter{Name: fmt.Sprint(j), Max: 1})
			}
			c.Parts = append(c.Parts, store.NewPart(fmt.Sprint(i), 0, all...))
		}
		return c
	}
	callTogether(s, requestsOf(s, of(1, 1), of(1, 1))...) // the server knows the script now
	q := &s.link.Load().decisions[0]
	require.True(t, q.TryAcquire()) // one call at a time is left
	for _, test := range []struct{ waiting, parts, meters, largest int }{
		{2, 1, 1, 2},
		{1000, 1, 3, batchSize},
		{1000, 1, 4, batchSize},
		{1000, 1, 5, batchMeters / 5},
		{1000, 3, 3, batchMeters / 9},
		{1000, 6, 0, batchMeters / 6},
		{10, 6, 16, batchMeters / 96},
		{2, 6, 16, 2},
	} {
		require.True(t, q.TryAcquire())
		var wg sync.WaitGroup
		for range test.waiting {
			wg.Go(func() { assert.NoError(t, s.Take(t.Context(), of(test.parts, test.meters))) })
		}
		requireLoad(t, s, batchCalls, test.waiting)
		client.calls.Store(0)
		q.Release()
		wg.Wait()
		requireLoad(t, s, batchCalls-1, 0)
		require.EqualValues(t, (test.waiting+test.largest-1)/test.largest, client.calls.Load(), "%+v", test)
	}
}

// TestLargestCalls makes the calls that carry most: many keys, many meters of one
// request, and many requests of the slow path.
func TestLargestCalls(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]string{"miniredis": longLived(t).Addr(), "redis": redistest.Start(t)} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, single(t, addr), decisionScripts)
			for _, test := range []struct{ requests, parts, buckets int }{{128, 4, 1}, {1, 6, 16}, {5, 6, 16}, {128, 1, 4}} {
				var charges []*store.Charge
				for i := range test.requests {
					c := &store.Charge{}
					for part := range test.parts {
						var meters []store.Meter
						for j := range test.buckets {
							meters = append(meters, store.Meter{Name: fmt.Sprint("bucket ", j), Max: 1000})
						}
						c.Parts = append(c.Parts, store.NewPart(fmt.Sprint(test, i, "-", part), 1, meters...))
					}
					charges = append(charges, c)
				}
				for _, item := range callTogether(s, requestsOf(s, charges...)...) {
					require.NoError(t, item.Err)
					require.EqualValues(t, applied, item.Answer[0])
				}
			}
		})
	}
}

// TestWrites counts the commands of a call whose decisions share subjects: each value is
// read once and written once.
func TestWrites(t *testing.T) {
	client := single(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	call := func() {
		var charges []*store.Charge
		for i := range 50 {
			charges = append(charges, twoParts("acme", "acme>team", fmt.Sprint("acme>key ", i%5)))
		}
		for _, item := range callTogether(s, requestsOf(s, charges...)...) {
			require.NoError(t, item.Err)
		}
	}
	call()
	require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
	call()
	calls := commands(t, client)
	delete(calls, "config|resetstat")
	delete(calls, "info")
	require.Equal(t, map[string]int{"evalsha": 1, "mget": 1, "time": 1, "setrange": 7}, calls)
	c := twoParts("acme")
	c.Parts[0].N = []int64{0, 0, 0}
	require.NoError(t, s.Take(t.Context(), c))
	require.EqualValues(t, 100, c.Parts[0].Levels[1].Used)
}

// TestWriteFails has a user who may not use one of the commands. Before the first write
// of a call nothing was charged, and the error says so. After it, all decisions of the
// call fail, and no caller is told that it was not charged.
func TestWriteFails(t *testing.T) {
	client := single(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	require.NoError(t, s.Take(t.Context(), twoParts("acme")))
	may := func(words ...string) {
		t.Helper()
		command := append([]string{"ACL", "SETUSER", "default"}, words...)
		require.NoError(t, client.Do(t.Context(), client.B().Arbitrary(command...).Build()).Error())
	}
	known, both := func() *store.Charge { return twoParts("acme") }, func() *store.Charge { return twoParts("acme", "acme>new") }

	may("-setrange")
	require.Error(t, s.Take(t.Context(), known()))
	err := s.Take(t.Context(), both())
	require.ErrorContains(t, err, "WRITE")
	require.NotErrorIs(t, err, store.ErrNotTaken)
	may("+@all", "-set")
	require.NoError(t, client.Do(t.Context(), client.B().Del().Key("ration:{acme}{new}").Build()).Error())
	err = s.Take(t.Context(), both())
	require.Error(t, err)
	require.NotContains(t, err.Error(), "WRITE", "nothing was written")
	may("+@all")
	c := known()
	c.Parts[0].N = []int64{0, 0, 0}
	require.NoError(t, s.Take(t.Context(), c))
	require.EqualValues(t, 1, c.Parts[0].Levels[1].Used)
}
