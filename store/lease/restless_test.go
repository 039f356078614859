package lease_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// distant is a Counter whose answers take a while.
type distant struct {
	store.Counter
	far time.Duration // the most that either way takes
}

// Take implements store.Counter.
func (d distant) Take(ctx context.Context, c *store.Charge) error {
	time.Sleep(rand.N(d.far))
	err := d.Counter.Take(ctx, c)
	time.Sleep(rand.N(d.far))
	return err
}

// TestRestless gives units back and takes them again while most leases expire on their
// way to the inner Counter. Whatever has come back can be taken, and every answer shows
// what is used.
func TestRestless(t *testing.T) {
	bucket := store.Meter{Name: "rate", Max: 1000, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	window := store.Meter{Name: "day", Max: 1000, End: 1 << 40, Keep: time.Hour}
	for name, meters := range map[string][]store.Meter{"bucket": {bucket}, "window": {window}, "both": {bucket, window}} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(10) {
				synctest.Test(t, func(t *testing.T) { giveAndTake(t, seed, meters) })
			}
		})
	}
}

func giveAndTake(t *testing.T, seed uint64, meters []store.Meter) {
	random := rand.New(rand.NewPCG(seed, 1))
	inner := distant{memory.New(memory.Config{}), 2 * time.Millisecond}
	counter, err := lease.New(inner, lease.Config{Block: time.Millisecond, Life: 4 * time.Millisecond, Timeout: time.Minute})
	require.NoError(t, err)
	counter.Eager()
	take := func(n int64) *store.Charge {
		c := store.NewCharge(subject, n, meters...)
		c.At = time.Now()
		require.NoError(t, counter.Take(t.Context(), c))
		return c
	}
	used := int64(990)
	require.True(t, take(used).OK)
	for i := range 300 {
		n := random.Int64N(21) - 10
		c := take(n)
		if fits := used+n <= 1000; !assert.Equal(t, fits, c.OK, "step %d: %d more than %d of 1000", i, n, used) {
			return
		} else if fits {
			used += n
		}
		for j := range meters {
			if !assert.Equal(t, used, c.Parts[0].Levels[j].Used, "step %d: %d of %s", i, n, meters[j].Name) {
				return
			}
		}
		time.Sleep(time.Duration(random.IntN(8000)) * time.Microsecond)
	}
	require.NoError(t, counter.Close(t.Context()))
}
