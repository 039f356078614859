package store_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/store"
)

// TestBucketAgreesWithTimeRate compares a Bucket with golang.org/x/time/rate, which
// counts in floats. Both admit the same charges and hold the same tokens, within the
// error of floats.
func TestBucketAgreesWithTimeRate(t *testing.T) {
	for _, perSecond := range oddRates {
		r, err := store.RateOf(perSecond)
		require.NoError(t, err)
		for _, burst := range []int64{1, 10, 1000} {
			m := bucket(burst, r)
			limiter := rate.NewLimiter(rate.Limit(r.PerSecond()), int(burst))
			rnd := rand.New(rand.NewPCG(uint64(burst), math.Float64bits(perSecond)))
			tolerance := 1e-6 * (1 + float64(burst)) * (1 + perSecond/1e6)
			var b store.Bucket
			now, admitted := epoch, 0
			for range 2000 {
				now += rnd.Int64N(2 + r.Per/r.Tokens*(1+burst/4))
				at, n := time.UnixMicro(now), 1+rnd.Int64N(1+burst/3)
				next, l, ok := b.Take(&m, now, n)
				held, _, _ := b.Take(&m, now, 0)
				exact := float64(held.Tokens) + float64(held.Part)/float64(held.Per)
				theirs := limiter.TokensAt(at)
				require.InDelta(t, exact, theirs, tolerance, "%v per second, burst %d", perSecond, burst)
				if n <= burst && math.Abs(theirs-float64(n)) > tolerance {
					require.Equal(t, theirs > float64(n), ok, "%v per second, burst %d: %d of %v", perSecond, burst, n, theirs)
				}
				if !ok && n <= burst {
					reserved := limiter.ReserveN(at, int(n))
					require.InDelta(t, l.Wait.Seconds(), reserved.DelayFrom(at).Seconds(), 2e-6+tolerance/perSecond)
					reserved.CancelAt(at)
				}
				if ok {
					// not AllowN, which may differ where the tokens just suffice
					limiter.ReserveN(at, int(n))
					b = next
					admitted++
				}
			}
			require.Greater(t, admitted, 100, "%v per second, burst %d", perSecond, burst)
		}
	}
}
