package memory_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// withIDs returns a store with a subject that has n rare buckets, and the charge of the
// last one.
func withIDs(t testing.TB, n int) (*memory.Store, *store.Charge) {
	s := memory.New(memory.Config{})
	c := &store.Charge{At: time.Unix(1<<30, 0), Parts: []store.Part{store.NewPart("a", 1, idMeters[0], idMeters[1])}}
	for i := range n {
		c.Parts[0].Meters[1].Name = fmt.Sprint("id ", i)
		require.NoError(t, s.Take(t.Context(), c))
		require.True(t, c.OK)
	}
	return s, c
}

// TestRefundBesideManyIDs compares a refund beside many IDs with one beside few: it looks
// at none of the others while it holds the shard's lock. The fastest of many runs counts,
// so that other load does not disturb the result.
func TestRefundBesideManyIDs(t *testing.T) {
	refund := func(n int) time.Duration {
		s, c := withIDs(t, n)
		c.Parts[0] = store.NewPart(c.Parts[0].Subject, -1, c.Parts[0].Meters...)
		least := time.Hour
		for range 50 {
			began := time.Now()
			require.NoError(t, s.Take(t.Context(), c))
			least = min(least, time.Since(began))
		}
		return least
	}
	few, many := refund(20), refund(200_000)
	require.Less(t, many, 20*few+20*time.Microsecond, "beside 20 it takes %v", few)
}

// TestRefundBesideManyWindows compares a refund beside many kept windows with one beside
// few, as where keys share a subject.
func TestRefundBesideManyWindows(t *testing.T) {
	refund := func(keys int) time.Duration {
		s := memory.New(memory.Config{})
		c := &store.Charge{At: time.Unix(1<<30, 0), Parts: []store.Part{store.NewPart("a", 1, day("use", time.Unix(1<<30, 0), 10, time.Hour))}}
		for i := range keys {
			c.Parts[0].Meters[0].Name = fmt.Sprint("use/", i)
			require.NoError(t, s.Take(t.Context(), c))
		}
		c.Parts[0] = store.NewPart(c.Parts[0].Subject, -1, c.Parts[0].Meters...)
		least := time.Hour
		for range 50 {
			began := time.Now()
			require.NoError(t, s.Take(t.Context(), c))
			least = min(least, time.Since(began))
		}
		return least
	}
	few, many := refund(20), refund(20_000)
	require.Less(t, many, 20*few+20*time.Microsecond, "beside 20 it takes %v", few)
}

// TestManyIDsSpent evicts the subject of many rare buckets from a full store as soon as
// the last of them is full again, and no sooner.
func TestManyIDsSpent(t *testing.T) {
	other := store.Meter{Name: "rate", Max: 1}
	for _, n := range []int{1, 20, 1000} {
		s := memory.New(memory.Config{MaxSubjects: 1})
		for i := range n {
			id := idMeters[1]
			id.Name = fmt.Sprint("id ", i)
			mustTake(t, s, "a", t0.Add(time.Duration(i)*time.Second), 1, id)
		}
		last := t0.Add(time.Duration(n-1)*time.Second + 600*time.Second)
		_, err := take(t, s, "b", last.Add(-time.Microsecond), 1, other)
		require.ErrorIs(t, err, store.ErrFull, n)
		mustTake(t, s, "b", last, 1, other)
	}
}

// TestBucketSetKeepsLevels compares the levels of many buckets of one subject, which come
// and go, with those of buckets that are all kept.
func TestBucketSetKeepsLevels(t *testing.T) {
	for seed := range uint64(20) {
		s, random := memory.New(memory.Config{}), rand.New(rand.NewPCG(seed, 0))
		kept, now := map[string]store.Bucket{}, t0
		for step := range 5000 {
			now = now.Add(time.Duration(random.IntN(3)) * time.Second)
			i := random.IntN(600)
			m := store.Meter{Name: fmt.Sprint(i), Max: 3, Rate: store.Rate{Tokens: 1, Per: int64(i%7+1) * 10_000_000}, Rare: i%2 == 0}
			n := int64(random.IntN(4)) - 1
			c := mustTake(t, s, "a", now, n, m)
			b, want, fits := kept[m.Name].Take(&m, now.UnixMicro(), n)
			require.Equal(t, fits, c.OK, "seed %d, step %d", seed, step)
			if fits {
				kept[m.Name] = b
			}
			require.Equal(t, want, c.Parts[0].Levels[0], "seed %d, step %d", seed, step)
		}
	}
}
