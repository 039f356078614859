package store_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

const (
	us    = int64(1)
	ms    = 1000 * us
	sec   = 1000 * ms
	hour  = 3600 * sec
	day   = 24 * hour
	epoch = 1_790_000_000 * sec // when the timelines of buckets begin
	never = -1                  // as a wait
	most  = store.MaxUnits
)

var (
	perSecond = store.Rate{Tokens: 1, Per: 1_000_000}
	perDay    = store.Rate{Tokens: 1, Per: 86_400_000_000}
	sevenths  = store.Rate{Tokens: 7, Per: 1_000_000}
	none      = store.Rate{}
)

// bucketStep is one charge of a timeline and its expected result.
type bucketStep struct {
	at, n  int64 // at is in microseconds since epoch
	ok     bool
	tokens int64 // after the charge
	wait   int64 // microseconds
	reset  int64

	set bool         // call Set, not Take
	m   *store.Meter // the meter from here on
}

func bucket(most int64, r store.Rate) store.Meter {
	return store.Meter{Name: "rate", Max: most, Rate: r}
}

var bucketTimelines = []struct {
	name  string
	m     store.Meter
	steps []bucketStep
}{
	{"full at first, refills continuously", bucket(10, perSecond), []bucketStep{
		{at: 0, n: 10, ok: true, tokens: 0, reset: 10 * sec},
		{at: 0, n: 1, tokens: 0, wait: sec, reset: 10 * sec},
		{at: 999_999, n: 1, tokens: 0, wait: 1, reset: 9*sec + 1},
		{at: 1_000_000, n: 1, ok: true, tokens: 0, reset: 10 * sec},
		{at: 3_500_000, n: 3, tokens: 2, wait: 500 * ms, reset: 7500 * ms},
		{at: 3_500_000, n: 2, ok: true, tokens: 0, reset: 9500 * ms},
		{at: 4_000_000, n: 1, ok: true, tokens: 0, reset: 10 * sec},
		{at: 99 * sec, n: 0, ok: true, tokens: 10},
	}},
	{"a refusal spends nothing", bucket(3, perSecond), []bucketStep{
		{at: 0, n: 2, ok: true, tokens: 1, reset: 2 * sec},
		{at: 0, n: 2, tokens: 1, wait: sec, reset: 2 * sec},
		{at: 0, n: 4, tokens: 1, wait: never, reset: 2 * sec},
		{at: 0, n: 1, ok: true, tokens: 0, reset: 3 * sec},
	}},
	{"sevenths of a second, rounded up", bucket(7, sevenths), []bucketStep{
		{at: 0, n: 7, ok: true, tokens: 0, reset: sec},
		{at: 142_857, n: 1, tokens: 0, wait: 1, reset: 857_143},
		{at: 142_858, n: 1, ok: true, tokens: 0, reset: 1_000_000},
		{at: 285_715, n: 1, ok: true, tokens: 0, reset: 1_000_000},
		{at: 428_571, n: 1, tokens: 0, wait: 1, reset: 857_144},
		{at: 428_572, n: 1, ok: true, tokens: 0, reset: 1_000_000},
	}},
	{"one a day", bucket(1, perDay), []bucketStep{
		{at: 0, n: 1, ok: true, tokens: 0, reset: day},
		{at: day - 1, n: 1, tokens: 0, wait: 1, reset: 1},
		{at: day, n: 1, ok: true, tokens: 0, reset: day},
	}},
	{"giving back stops when it is full", bucket(5, perSecond), []bucketStep{
		{at: 0, n: -3, ok: true, tokens: 5},
		{at: 0, n: 4, ok: true, tokens: 1, reset: 4 * sec},
		{at: 0, n: -2, ok: true, tokens: 3, reset: 2 * sec},
		{at: 500 * ms, n: -1, ok: true, tokens: 4, reset: 500 * ms},
		{at: 500 * ms, n: -1, ok: true, tokens: 5},
		// the fraction was dropped when the bucket became full
		{at: 500 * ms, n: 1, ok: true, tokens: 4, reset: sec},
		{at: 500 * ms, n: math.MinInt64, ok: true, tokens: 5},
		{at: 500 * ms, n: 2, ok: true, tokens: 3, reset: 2 * sec},
		{at: 700 * ms, n: -9, ok: true, tokens: 5}, // the fraction of a fifth is dropped too
		{at: 700 * ms, n: 1, ok: true, tokens: 4, reset: sec},
	}},
	{"set", bucket(5, perSecond), []bucketStep{
		{at: 0, n: 2, set: true, ok: true, tokens: 2, reset: 3 * sec},
		{at: 500 * ms, n: 2, set: true, ok: true, tokens: 2, reset: 3 * sec},
		{at: 500 * ms, n: 9, set: true, ok: true, tokens: 5},
		{at: 500 * ms, n: -9, set: true, ok: true, tokens: 0, reset: 5 * sec},
		{at: 500 * ms, n: math.MaxInt64, set: true, ok: true, tokens: 5},
		{at: 500 * ms, n: math.MinInt64, set: true, ok: true, tokens: 0, reset: 5 * sec},
		{at: 400 * ms, n: 0, set: true, ok: true, tokens: 0, reset: 5100 * ms},
		{at: 1500 * ms, n: 1, ok: true, tokens: 0, reset: 5 * sec},
	}},
	{"a plan change keeps the tokens", bucket(10, perSecond), []bucketStep{
		{at: 0, n: 7, ok: true, tokens: 3, reset: 7 * sec},
		{at: 0, n: 0, ok: true, tokens: 3, reset: 17 * sec, m: new(bucket(20, perSecond))},
		{at: 500 * ms, n: 0, ok: true, tokens: 3, reset: 16_500 * ms},
		{at: 500 * ms, n: 4, tokens: 3, wait: day / 2, reset: 16*day + day/2, m: new(bucket(20, perDay))}, // the fraction stays half a token
		{at: 500 * ms, n: 0, ok: true, tokens: 3, reset: never, m: new(bucket(20, none))},
		{at: 500 * ms, n: 2, ok: true, tokens: 0, m: new(bucket(2, perDay)), reset: 2 * day},
		{at: 500 * ms, n: 1, tokens: 0, wait: sec, reset: 10 * sec, m: new(bucket(10, perSecond))},
	}},
	{"a clock that steps back adds no tokens, and waits include the step", bucket(10, perSecond), []bucketStep{
		{at: 10 * sec, n: 10, ok: true, tokens: 0, reset: 10 * sec},
		{at: 0, n: 1, tokens: 0, wait: 11 * sec, reset: 20 * sec},
		{at: 0, n: 11, tokens: 0, wait: never, reset: 20 * sec},
		{at: 0, n: -1, ok: true, tokens: 1, reset: 19 * sec},
		{at: 4 * sec, n: 2, tokens: 1, wait: 7 * sec, reset: 15 * sec},
		{at: 10 * sec, n: 1, ok: true, tokens: 0, reset: 10 * sec},
		{at: 10 * sec, n: 1, tokens: 0, wait: sec, reset: 10 * sec},
		{at: 11 * sec, n: 1, ok: true, tokens: 0, reset: 10 * sec},
		{at: 11*sec - hour, n: 1, tokens: 0, wait: hour + sec, reset: hour + 10*sec},
		{at: 11*sec - hour, n: 9, set: true, ok: true, tokens: 9, reset: hour + sec},
		{at: 11*sec - hour, n: -1, ok: true, tokens: 10},
		{at: 11*sec - hour, n: 10, ok: true, tokens: 0, reset: hour + 10*sec},
		{at: math.MinInt64/2 - epoch, n: 1, tokens: 0, wait: never, reset: never}, // longer than a Duration holds
		{at: math.MinInt64 + epoch, n: 1, tokens: 0, wait: never, reset: never},
	}},
	{"huge figures", bucket(most-1, store.Rate{Tokens: 1, Per: 1}), []bucketStep{
		{at: 0, n: math.MaxInt64, tokens: most - 1, wait: never},
		{at: 0, n: most, tokens: most - 1, wait: never},
		{at: 0, n: most - 1, ok: true, tokens: 0, reset: most - 1},
		{at: 0, n: most - 1, tokens: 0, wait: most - 1, reset: most - 1},
		{at: 1 << 40, n: 1<<40 + 1, tokens: 1 << 40, wait: 1, reset: most - 1 - 1<<40},
		{at: 1 << 40, n: 1 << 40, ok: true, tokens: 0, reset: most - 1},
		{at: 1 << 40, n: -1 << 52, ok: true, tokens: 1 << 52, reset: most - 1 - 1<<52},
		{at: 1 << 40, n: math.MinInt64, ok: true, tokens: most - 1},
	}},
	{"a long time refills more tokens than 64 bits hold", bucket(5, store.Rate{Tokens: 4, Per: 1_000_000}), []bucketStep{
		{at: 0, n: 5, ok: true, tokens: 0, reset: 1250 * ms},
		{at: 1 << 62, n: 5, ok: true, tokens: 0, reset: 1250 * ms},
	}},
	{"no refill", bucket(5, none), []bucketStep{
		{at: 0, n: 5, ok: true, tokens: 0, reset: never},
		{at: math.MaxInt64/2 - epoch, n: 1, tokens: 0, wait: never, reset: never},
	}},
	{"no capacity", bucket(0, perSecond), []bucketStep{
		{at: 0, n: 1, tokens: 0, wait: never},
		{at: 0, n: 0, ok: true, tokens: 0},
		{at: 9 * sec, n: -1, ok: true, tokens: 0},
		{at: 9 * sec, n: 1, tokens: 0, wait: never},
	}},
}

func TestBucketTimelines(t *testing.T) {
	for _, test := range bucketTimelines {
		t.Run(test.name, func(t *testing.T) {
			m, b := test.m, store.Bucket{}
			for i, s := range test.steps {
				if s.m != nil {
					m = *s.m
				}
				require.NoError(t, store.CheckMeters([]store.Meter{m}))
				next, l, ok := b.Take(&m, epoch+s.at, s.n)
				if s.set {
					ok = true
					next, l = b.Set(&m, epoch+s.at, s.n)
				}
				require.Equal(t, s.ok, ok, "step %d: ok", i+1)
				require.Equal(t, store.Level{Max: m.Max, Used: m.Max - s.tokens, Wait: wait(s.wait), Reset: wait(s.reset)}, l, "step %d", i+1)
				require.Equal(t, s.tokens, next.Tokens, "step %d: tokens", i+1)
				b = next // also after a refusal: it is the same state, refilled
			}
		})
	}
}

func wait(micros int64) time.Duration {
	if micros == never {
		return store.Never
	}
	return time.Duration(micros) * time.Microsecond
}

// oddRates are rates that an implementation gets wrong if it uses whole microseconds per
// token, or sums of floats.
var oddRates = []float64{
	1.0 / 86400, 0.1, 1.0 / 3, 0.5, 7, 33.333, 12345.678901, 300_000, 1_000_000, 3_456_789,
}

// TestBucketIsExact checks that what was admitted and what is held add up to the burst
// and the rate times the time, rounded down. A charge fits after Wait, and does not a
// microsecond earlier.
func TestBucketIsExact(t *testing.T) {
	for _, perSecond := range oddRates {
		r, err := store.RateOf(perSecond)
		require.NoError(t, err)
		m := bucket(min(1000, most/r.Per), r)
		rnd := rand.New(rand.NewPCG(1, 2))
		var b store.Bucket
		now, taken := epoch, int64(0)
		b, _, _ = b.Take(&m, now, m.Max)
		taken += m.Max
		for taken < 10_000+m.Max {
			n := 1 + rnd.Int64N(min(m.Max, 20))
			next, l, ok := b.Take(&m, now, n)
			if !ok {
				us := l.Wait.Microseconds()
				_, _, early := b.Take(&m, now+us-1, n)
				require.False(t, early, "%v per second: %d came a microsecond before %v", perSecond, n, l.Wait)
				now += us
				next, _, ok = b.Take(&m, now, n)
				require.True(t, ok, "%v per second: %d did not come after %v", perSecond, n, l.Wait)
			}
			b = next
			taken += n
			due := new(big.Int).Mul(big.NewInt(now-epoch), big.NewInt(r.Tokens))
			due.Div(due, big.NewInt(r.Per))
			require.Equal(t, m.Max+due.Int64(), taken+b.Tokens, "%v per second, after %d µs", perSecond, now-epoch)
			if b.Tokens < m.Max/4 { // otherwise it might become full
				now += rnd.Int64N(r.Per/r.Tokens/4 + 2)
			}
		}
	}
}

// TestBucketFullAt checks FullAt to the microsecond.
func TestBucketFullAt(t *testing.T) {
	assert.Equal(t, int64(0), store.Bucket{}.FullAt(new(bucket(5, perSecond))), "a new bucket is full")
	empty, _ := store.Bucket{}.Set(new(bucket(5, none)), epoch, 0)
	assert.Equal(t, int64(math.MaxInt64), empty.FullAt(new(bucket(5, none))), "no refill")
	assert.Equal(t, empty.Last, empty.FullAt(new(bucket(0, none))), "a bucket without capacity is full")

	half := store.Bucket{Tokens: 1, Part: 1, Per: 2, Last: epoch}
	assert.Equal(t, epoch+250*ms, half.FullAt(new(bucket(2, store.Rate{Tokens: 2, Per: 1_000_000}))), "half a token, at another rate")

	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		m, b := randomBucket(rnd)
		full := b.FullAt(&m)
		fresh, _, _ := store.Bucket{}.Take(&m, full, 0)
		at, l, _ := b.Take(&m, full, 0)
		require.Equal(t, fresh, at, "%+v of %+v, at %d", b, m, full)
		require.Zero(t, l.Reset)
		if full > b.Last {
			at, l, _ = b.Take(&m, full-1, 0)
			require.Less(t, at.Tokens, m.Max, "%+v of %+v, at %d", b, m, full-1)
			require.Equal(t, time.Microsecond, l.Reset)
		}
	}
}

// TestBucketFraction checks that a fraction of a token survives a change of the
// denominator, except for less than a part in 2^50 of a token.
func TestBucketFraction(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		_, b := randomBucket(rnd)
		b.Tokens = 0
		m, _ := randomBucket(rnd)
		m.Max = 1
		next, _, _ := b.Take(&m, b.Last, 0)
		had, has := big.NewRat(b.Part, b.Per), big.NewRat(next.Part, next.Per)
		lost, _ := new(big.Rat).Sub(had, has).Float64()
		require.True(t, lost > -0x1p-50 && lost < 1/float64(next.Per)+0x1p-50, "%+v became %+v", b, next)
	}
}

// randomBucket returns a valid bucket with a rate and with some of its tokens taken.
func randomBucket(rnd *rand.Rand) (store.Meter, store.Bucket) {
	r := store.Rate{Tokens: 1 + rnd.Int64N(1<<rnd.IntN(40)), Per: 1 + rnd.Int64N(1<<rnd.IntN(48))}
	m := bucket(1+rnd.Int64N(1+(most-r.Tokens)/r.Per/2), r)
	b := store.Bucket{Tokens: rnd.Int64N(m.Max), Part: rnd.Int64N(r.Per), Per: r.Per, Last: epoch + rnd.Int64N(1<<40)}
	return m, b
}
