package middleware

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// TestKeyBuckets compares the buckets of a few keys with buckets that are kept for ever.
func TestKeyBuckets(t *testing.T) {
	m, err := limiter.Limit{Rate: 1, Burst: 10}.Meter("usage")
	require.NoError(t, err)
	b, model := newKeyBuckets(m), map[string]store.Bucket{}
	random, now, waits := rand.New(rand.NewPCG(5, 6)), b.began, 0
	for range 20_000 {
		now = now.Add(time.Duration(random.Int64N(int64(200 * time.Millisecond))))
		if random.IntN(500) == 0 {
			now = now.Add(time.Duration(random.IntN(30)) * time.Second)
		}
		key := fmt.Sprint(random.IntN(6))
		next, level, ok := model[key].Take(&m, now.Sub(b.began).Microseconds(), 1)
		if ok {
			model[key] = next
		} else {
			waits++
		}
		require.Equal(t, level.Wait, b.take(key, now))
	}
	require.Greater(t, waits, 1000)
}

// TestKeyBucketsAreBounded asks as many keys, at one instant, and later.
func TestKeyBucketsAreBounded(t *testing.T) {
	m, err := limiter.Limit{Rate: 1, Burst: 10}.Meter("usage")
	require.NoError(t, err)
	b := newKeyBuckets(m)
	for i := range 5 * maxBuckets {
		require.Zero(t, b.take(fmt.Sprint(i), b.began))
		require.LessOrEqual(t, len(b.young), maxBuckets)
		require.LessOrEqual(t, len(b.old), maxBuckets)
	}
	require.Zero(t, b.take("later", b.began.Add(11*time.Second)))
	require.Zero(t, b.take("much later", b.began.Add(22*time.Second+2)))
	require.Len(t, b.old, 1)
	require.Len(t, b.young, 1)
}

// TestKeyBucketsAtOnce takes tokens of one key from several goroutines.
func TestKeyBucketsAtOnce(t *testing.T) {
	m, err := limiter.Limit{Rate: 1, Burst: 10}.Meter("usage")
	require.NoError(t, err)
	b := newKeyBuckets(m)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if b.take("key", b.began) == 0 {
					taken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 10, taken.Load())
	require.Zero(t, (*keyBuckets)(nil).take("anybody", b.began))
}
