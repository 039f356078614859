package store_test

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// stepBytes is the length of an encoded step: one byte for what it does, then two
// numbers.
const stepBytes = 17

func appendStep(history []byte, what byte, at, n int64) []byte {
	history = append(history, what)
	history = binary.LittleEndian.AppendUint64(history, uint64(at))
	return binary.LittleEndian.AppendUint64(history, uint64(n))
}

// readStep decodes the first step. ok is false after the last one.
func readStep(history []byte) (what byte, at, n int64, rest []byte, ok bool) {
	if len(history) < stepBytes {
		return 0, 0, 0, nil, false
	}
	return history[0], int64(binary.LittleEndian.Uint64(history[1:])), int64(binary.LittleEndian.Uint64(history[9:])), history[stepBytes:], true
}

// FuzzBucket runs a history of charges of a bucket under two plans. Under one plan alone,
// what was admitted and what is held must not exceed the burst and the rate times the
// time.
func FuzzBucket(f *testing.F) {
	for _, test := range bucketTimelines {
		var history []byte
		for _, s := range test.steps {
			what := byte(0)
			if s.set {
				what |= 1
			}
			if s.m != nil {
				what |= 2
			}
			history = appendStep(history, what, s.at, s.n)
		}
		f.Add(test.m.Max, test.m.Rate.Tokens, test.m.Rate.Per, int64(20), int64(1), perDay.Per, history)
	}
	f.Fuzz(func(t *testing.T, max1, tokens1, per1, max2, tokens2, per2 int64, history []byte) {
		plans := [2]store.Meter{
			bucket(max1, store.Rate{Tokens: tokens1, Per: per1}),
			bucket(max2, store.Rate{Tokens: tokens2, Per: per2}),
		}
		if store.CheckMeters(plans[:1]) != nil || store.CheckMeters(plans[1:]) != nil {
			t.Skip()
		}
		var b store.Bucket
		m, last, admitted := &plans[0], int64(math.MinInt64), new(big.Int)
		// pure means one plan, and nothing set or given back, since the first charge
		pure, first := true, int64(0)
		for {
			what, at, n, rest, more := readStep(history)
			if !more {
				return
			}
			history = rest
			if what&2 != 0 {
				m, pure = &plans[1], false
			}
			now := epoch + at%(1<<54)
			if last == math.MinInt64 {
				first = now
			}
			last = max(last, now)
			if what&1 != 0 {
				pure = false
				again, _ := b.Set(m, now, n)
				b, _ = again.Set(m, now, n)
				require.Equal(t, again, b, "set twice")
				requireSoundBucket(t, m, b, last)
				continue
			}
			next, l, ok := b.Take(m, now, n)
			requireSoundBucket(t, m, next, last)
			requireSoundLevel(t, m, next, now, l, ok, n)
			if ok && n > 0 {
				admitted.Add(admitted, big.NewInt(n))
			}
			pure = pure && n >= 0
			if pure {
				sum := new(big.Int).Add(admitted, big.NewInt(next.Tokens))
				require.LessOrEqual(t, sum.Cmp(due(m, last-first)), 0, "%+v admitted %v and holds %d", m, admitted, next.Tokens)
			}
			b = next
		}
	})
}

// due returns the burst and the rate times the time.
func due(m *store.Meter, elapsed int64) *big.Int {
	sum := big.NewInt(elapsed)
	sum.Mul(sum, big.NewInt(m.Rate.Tokens)).Div(sum, big.NewInt(max(m.Rate.Per, 1)))
	return sum.Add(sum, big.NewInt(m.Max))
}

func requireSoundBucket(t *testing.T, m *store.Meter, b store.Bucket, last int64) {
	require.True(t, 0 <= b.Tokens && b.Tokens <= m.Max, "%+v of %+v", b, m)
	require.True(t, 0 <= b.Part && b.Part < b.Per, "%+v of %+v", b, m)
	require.True(t, b.Tokens < m.Max || b.Part == 0, "%+v of %+v", b, m)
	require.GreaterOrEqual(t, b.Last, last, "moved back")
}

// requireSoundLevel compares a level with the state that it reports, and its durations
// with the later states.
func requireSoundLevel(t *testing.T, m *store.Meter, b store.Bucket, now int64, l store.Level, ok bool, n int64) {
	require.Equal(t, m.Max, l.Max)
	require.Equal(t, m.Max-b.Tokens, l.Used)
	require.Equal(t, ok, l.Wait == 0, "Wait %v", l.Wait)
	require.Equal(t, b.Tokens == m.Max, l.Reset == 0, "Reset %v", l.Reset)
	if l.Wait > 0 && l.Wait != store.Never {
		_, _, early := b.Take(m, now+l.Wait.Microseconds()-1, n)
		_, _, due := b.Take(m, now+l.Wait.Microseconds(), n)
		require.True(t, due && !early, "%+v of %+v: %d after %v: %t, sooner: %t", b, m, n, l.Wait, due, early)
	}
	if l.Wait == store.Never && n <= m.Max && m.Rate.Tokens > 0 {
		micros := new(big.Int).Mul(big.NewInt(n-b.Tokens), big.NewInt(m.Rate.Per))
		micros.Sub(micros, big.NewInt(b.Part)).Div(micros, big.NewInt(m.Rate.Tokens))
		micros.Add(micros, big.NewInt(b.Last)).Sub(micros, big.NewInt(now))
		require.Greater(t, micros.Cmp(big.NewInt(math.MaxInt64/1000-1)), 0, "%+v of %+v: %d never comes", b, m, n)
	}
	if l.Reset > 0 && l.Reset != store.Never {
		require.Equal(t, b.FullAt(m), now+l.Reset.Microseconds(), "%+v of %+v at %d", b, m, now)
	}
	if full := b.FullAt(m); full != math.MaxInt64 {
		as, _, _ := b.Take(m, full, 0)
		require.Equal(t, m.Max, as.Tokens, "%+v of %+v is full at %d", b, m, full)
	}
}

// FuzzWindow runs a history of charges of a window whose limit changes.
func FuzzWindow(f *testing.F) {
	for _, test := range windowTimelines {
		var history []byte
		limit := int64(20)
		for _, s := range test.steps {
			what := byte(0)
			if s.set {
				what |= 1
			}
			if s.limit != 0 {
				what, limit = what|2, s.limit
			}
			history = appendStep(history, what, int64(s.at), s.n)
		}
		f.Add(figure(test.max), limit, int64(0), int64(wend/time.Second), history)
	}
	f.Fuzz(func(t *testing.T, max1, max2, start, end int64, history []byte) {
		m := store.Meter{Name: "day", Max: max1, Start: start, End: end}
		other := store.Meter{Name: "day", Max: max2, Start: start, End: end}
		if store.CheckMeters([]store.Meter{m}) != nil || store.CheckMeters([]store.Meter{other}) != nil || !m.IsWindow() {
			t.Skip()
		}
		var w store.Window
		for {
			what, at, n, rest, more := readStep(history)
			if !more {
				return
			}
			history = rest
			if what&2 != 0 {
				m = other
			}
			now := at / 1000
			if what&1 != 0 {
				w = requireSet(t, &m, w, now, n)
				continue
			}
			next, l, ok := w.Take(&m, now, n)
			require.True(t, 0 <= next.Used && next.Used <= most, "%+v", next)
			require.Equal(t, ok, l.Wait == 0, "%+v of %+v: %+v", w, m, l)
			require.Equal(t, next.Used, l.Used)
			require.True(t, 0 <= l.Max && l.Max <= most && l.Reset >= 0, "%+v", l)
			require.Equal(t, w.Extra, next.Extra)
			switch sum := new(big.Int).Add(big.NewInt(w.Used), big.NewInt(n)); {
			case !ok:
				require.Equal(t, w, next)
				require.Greater(t, sum.Cmp(big.NewInt(l.Max)), 0, "%d of %+v would have fitted", n, l)
			case n > 0:
				require.LessOrEqual(t, next.Used, l.Max, "over-admitted")
				require.Equal(t, sum.Int64(), next.Used)
			default:
				require.Equal(t, max(sum.Int64(), 0), next.Used, "%d less than %d", n, w.Used)
			}
			w = next
		}
	})
}

func requireSet(t *testing.T, m *store.Meter, w store.Window, now, n int64) store.Window {
	next, l := w.Set(m, now, n)
	again, l2 := next.Set(m, now, n)
	require.Equal(t, next, again, "set twice")
	require.Equal(t, l, l2, "set twice")
	require.Equal(t, w.Used, next.Used)
	require.Equal(t, w.Used, l.Used)
	if m.Max == store.Unlimited {
		require.Equal(t, w, next)
	} else {
		require.Equal(t, min(max(n, 0), most-w.Used), l.Remaining())
	}
	return next
}

func FuzzRateOf(f *testing.F) {
	for _, r := range append(oddRates, 0, 1e-8, 1e12, 1e-9, 1e13, -1, math.NaN(), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64) {
		f.Add(r)
	}
	f.Fuzz(func(t *testing.T, perSecond float64) {
		r, err := store.RateOf(perSecond)
		switch {
		case err != nil:
			require.False(t, perSecond == 0 || perSecond >= 1e-8 && perSecond <= 1e12)
			require.Zero(t, r)
		case perSecond == 0:
			require.Zero(t, r)
		default:
			requireClose(t, perSecond)
		}
	})
}
