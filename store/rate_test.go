package store_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

func TestRateOf(t *testing.T) {
	for _, test := range []struct {
		perSecond float64
		want      store.Rate
	}{
		{0, store.Rate{}},
		{math.Copysign(0, -1), store.Rate{}},
		{1.0 / 86400, perDay},
		{1.0 / 3600, store.Rate{Tokens: 1, Per: 3_600_000_000}},
		{0.1, store.Rate{Tokens: 1, Per: 10_000_000}},
		{1.0 / 3, store.Rate{Tokens: 1, Per: 3_000_000}},
		{0.5, store.Rate{Tokens: 1, Per: 2_000_000}},
		{1, perSecond},
		{7, sevenths},
		{50, store.Rate{Tokens: 1, Per: 20_000}},
		// simpler than 33,333 every 1,000 s, and within 10^-9
		{33.333, store.Rate{Tokens: 10, Per: 300_003}},
		{300_000, store.Rate{Tokens: 3, Per: 10}},
		{1_000_000, store.Rate{Tokens: 1, Per: 1}},
		{3_456_789, store.Rate{Tokens: 37_959, Per: 10_981}},
		{1e12, store.Rate{Tokens: 1_000_000, Per: 1}},
		{1e-8, store.Rate{Tokens: 1, Per: 100_000_000_000_000}},
	} {
		got, err := store.RateOf(test.perSecond)
		require.NoError(t, err)
		assert.Equal(t, test.want, got, "%v per second", test.perSecond)
	}
}

func TestRateOfRefuses(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, -1e-300, 1e-9, 9.99e-9, 5e-324, 1.01e12, math.MaxFloat64} {
		r, err := store.RateOf(bad)
		assert.ErrorContains(t, err, "want 0, or 1e-8 to 1e12", "%v", bad)
		assert.ErrorContains(t, err, fmt.Sprintf("rate %v per second", bad), "%v", bad)
		assert.Zero(t, r)
	}
}

// TestRateOfIsClose checks that every rate is within one part in 10^9, in lowest terms,
// and valid for a bucket of 50.
func TestRateOfIsClose(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		requireClose(t, math.Pow(10, -8+rnd.Float64()*20))
	}
	for range 10_000 {
		requireClose(t, float64(1+rnd.Int64N(1<<rnd.IntN(40))))
		requireClose(t, 1/float64(1+rnd.Int64N(100_000_000)))
	}
	for _, r := range append(oddRates, 1e-8, 1e12, 1e-8*(1+0x1p-52), 1e12*(1-0x1p-53)) {
		requireClose(t, r)
	}
}

func requireClose(t testing.TB, perSecond float64) {
	r, err := store.RateOf(perSecond)
	require.NoError(t, err)
	require.Positive(t, r.Tokens)
	require.Positive(t, r.Per)
	exact := new(big.Rat).Mul(big.NewRat(r.Tokens, r.Per), big.NewRat(1_000_000, 1))
	want := new(big.Rat).SetFloat64(perSecond)
	off, _ := new(big.Rat).Quo(new(big.Rat).Sub(exact, want), want).Float64()
	require.LessOrEqual(t, math.Abs(off), 1.000001e-9, "%v per second: %+v", perSecond, r) // this check is in floats too
	require.Equal(t, r.Per, big.NewRat(r.Tokens, r.Per).Denom().Int64(), "lowest terms: %+v", r)
	require.InEpsilon(t, perSecond, r.PerSecond(), 1.1e-9)
	require.NoError(t, store.CheckMeters([]store.Meter{bucket(50, r)}), "%v per second", perSecond)
}

func TestPerSecond(t *testing.T) {
	assert.Equal(t, 0.0, store.Rate{}.PerSecond())
	assert.Equal(t, 7.0, sevenths.PerSecond())
	assert.Equal(t, 1e6, store.Rate{Tokens: 1, Per: 1}.PerSecond())
	assert.Equal(t, 1.0/86400, perDay.PerSecond())
}

// TestRateOfBursts checks the bounds that RateOf documents for buckets.
func TestRateOfBursts(t *testing.T) {
	for _, test := range []struct {
		perSecond float64
		burst     int64
	}{{1.0 / 86400, 104_000}, {7, 9_007_000_000}, {999_983, 9_007_000_000}, {1e-8, 50}, {1e12, most - 1_000_000}} {
		r, err := store.RateOf(test.perSecond)
		require.NoError(t, err)
		assert.NoError(t, store.CheckMeters([]store.Meter{bucket(test.burst, r)}), "%v per second", test.perSecond)
	}
}
