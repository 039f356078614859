package limiter_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

func TestLimitValidate(t *testing.T) {
	for _, l := range []limiter.Limit{
		{},
		{Rate: 0, Burst: 7},
		{Rate: rate.Inf},
		{Rate: rate.Inf, Burst: math.MaxInt},
		{Rate: 1e-8, Burst: 50},
		{Rate: 1e12, Burst: 1},
		{Rate: 10},
		{Rate: 1.0 / 86400, Burst: 104_000},
		{Rate: 1, Burst: math.MaxInt32},
		limiter.PerSecond(0),
		limiter.PerMinute(7),
	} {
		assert.NoError(t, l.Validate(), "%#v", l)
	}
	for _, c := range []struct {
		limit  limiter.Limit
		faults []string
	}{
		{limiter.Limit{Rate: rate.Limit(math.NaN()), Burst: 1}, []string{"rate: NaN a second", "or rate.Inf"}},
		{limiter.Limit{Rate: rate.Limit(math.Inf(1)), Burst: 1}, []string{"rate: +Inf a second", "or rate.Inf"}},
		{limiter.Limit{Rate: -1, Burst: -2}, []string{"rate: -1 a second", "burst: -2: want 0 or more"}},
		{limiter.Limit{Rate: 0, Burst: -1}, []string{"burst: -1"}},
		{limiter.Limit{Rate: rate.Inf, Burst: -1}, []string{"burst: -1"}},
		{limiter.Limit{Rate: 0.9e-8, Burst: 1}, []string{"rate: 9e-09 a second: want 0, 1e-8 to 1e12, or rate.Inf"}},
		{limiter.Limit{Rate: 1.1e12, Burst: 1}, []string{"rate: 1.1e+12 a second"}},
		{limiter.Limit{Rate: 1.0 / 86400, Burst: 105_000}, []string{"burst: 105000 with a rate of", "want at most 104249: a smaller burst or a rounder rate"}},
		{limiter.PerSecond(-5), []string{"rate: -5 a second", "burst: -5"}},
		{limiter.PerMinute(-5), []string{"burst: -5", "rate: -0.08"}},
	} {
		err := c.limit.Validate()
		require.ErrorIs(t, err, limiter.ErrInvalid, "%#v", c.limit)
		for _, fault := range c.faults {
			assert.ErrorContains(t, err, fault, "%#v", c.limit)
		}
	}
}

func TestLimitMeter(t *testing.T) {
	m, err := limiter.Limit{Rate: 0.5, Burst: 9}.Meter("calls")
	require.NoError(t, err)
	assert.Equal(t, store.Meter{Name: "calls", Max: 9, Rate: store.Rate{Tokens: 1, Per: 2_000_000}}, m)

	m, err = limiter.Limit{Rate: 0, Burst: 9}.Meter("calls")
	require.NoError(t, err)
	assert.Equal(t, store.Meter{Name: "calls"}, m, "a rate of 0 blocks whatever the burst")

	_, err = limiter.Limit{Rate: rate.Inf, Burst: 9}.Meter("calls")
	assert.ErrorIs(t, err, limiter.ErrInvalid, "an unlimited limit has no bucket")
	for _, name := range []string{"", strings.Repeat("x", store.MaxName+1)} {
		_, err = limiter.PerSecond(1).Meter(name)
		assert.ErrorIs(t, err, limiter.ErrInvalid, "name of %d bytes", len(name))
	}
}

// TestLimitDefaultBurst expects of a burst of 0 what the rate allows in a second, rounded
// up.
func TestLimitDefaultBurst(t *testing.T) {
	for rate, most := range map[rate.Limit]int64{5: 5, 2.5: 3, 0.1: 1, 1e-8: 1, 1e12: 1e12, 1.0 / 86400: 1} {
		m, err := limiter.Limit{Rate: rate}.Meter("calls")
		require.NoError(t, err, "%v", rate)
		assert.Equal(t, most, m.Max, "%v", rate)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		l := limiter.Limit{Rate: rate.Limit(math.Pow(10, random.Float64()*20-8))}
		m, err := l.Meter("m")
		require.NoError(t, err, "%#v", l)
		require.NoError(t, store.CheckMeters([]store.Meter{m}), "%#v", l)
		back, err := limiter.Parse(l.String())
		require.NoError(t, err, "%#v", l)
		require.Equal(t, l, back, "a burst of 0 stays 0")
	}
	blocked, err := limiter.Limit{}.Meter("calls")
	require.NoError(t, err)
	assert.Zero(t, blocked.Max, "the zero Limit refuses everything")
}

// TestLimitGreatestBurst compares Validate's bound on the burst with the store's: the
// greatest burst is valid, and one more is not.
func TestLimitGreatestBurst(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		l := limiter.Limit{Rate: rate.Limit(math.Pow(10, random.Float64()*20-8)), Burst: 1}
		m, err := l.Meter("m")
		require.NoError(t, err, "%v", l.Rate)
		greatest := (store.MaxUnits - m.Rate.Tokens) / m.Rate.Per
		if greatest >= math.MaxInt {
			continue // a 32-bit int cannot hold one more
		}
		l.Burst = int(greatest)
		m, err = l.Meter("m")
		require.NoError(t, err, "%v", l)
		require.NoError(t, store.CheckMeters([]store.Meter{m}), "%v", l)
		l.Burst++
		m.Max++
		require.Error(t, l.Validate(), "%v", l)
		require.Error(t, store.CheckMeters([]store.Meter{m}), "%v", l)
	}
}

var texts = []struct {
	text  string
	limit limiter.Limit
	print string // if it differs from text
}{
	{"100/s burst 200", limiter.Limit{Rate: 100, Burst: 200}, ""},
	{"100/s", limiter.PerSecond(100), "100/s burst 100"},
	{"100.0/s burst 0100", limiter.PerSecond(100), "100/s burst 100"},
	{"30/m", limiter.PerMinute(30), "30/m burst 30"},
	{"30/m burst 1", limiter.Limit{Rate: 0.5, Burst: 1}, ""},
	{"0.5/s", limiter.Limit{Rate: 0.5, Burst: 1}, "30/m burst 1"},
	{"2.5/s", limiter.Limit{Rate: 2.5, Burst: 3}, "2.5/s burst 3"},
	{"7/m", limiter.PerMinute(7), "7/m burst 7"},
	{"60/m", limiter.PerMinute(60), "1/s burst 60"},
	{"1000/h", limiter.Limit{Rate: 1000.0 / 3600, Burst: 1000}, "1000/h burst 1000"},
	{"1/d", limiter.Limit{Rate: 1.0 / 86400, Burst: 1}, "1/d burst 1"},
	{"5/d burst 10", limiter.Limit{Rate: 5.0 / 86400, Burst: 10}, ""},
	{"unlimited", limiter.Limit{Rate: rate.Inf}, ""},
	{"unlimited burst 3", limiter.Limit{Rate: rate.Inf, Burst: 3}, ""},
	{"blocked", limiter.Limit{}, ""},
	{"blocked burst 3", limiter.Limit{Burst: 3}, ""},
	{"100/second burst 200", limiter.Limit{Rate: 100, Burst: 200}, "100/s burst 200"},
	{"30/minute", limiter.PerMinute(30), "30/m burst 30"},
	{"1000/hour", limiter.Limit{Rate: 1000.0 / 3600, Burst: 1000}, "1000/h burst 1000"},
	{"5/day burst 10", limiter.Limit{Rate: 5.0 / 86400, Burst: 10}, "5/d burst 10"},
	{"0/s", limiter.Limit{}, "blocked"},
	{"0.00/h burst 2", limiter.Limit{Burst: 2}, "blocked burst 2"},
	{"1000000000000/s burst 1", limiter.Limit{Rate: 1e12, Burst: 1}, ""},
}

func TestParse(t *testing.T) {
	for _, c := range texts {
		l, err := limiter.Parse(c.text)
		require.NoError(t, err, "%q", c.text)
		assert.Equal(t, c.limit, l, "%q", c.text)
		want := c.print
		if want == "" {
			want = c.text
		}
		assert.Equal(t, want, l.String())
	}
}

var wrongTexts = []struct{ text, fault string }{
	{"", "want a form like"},
	{"100", "want a form like"},
	{"100/", "want a form like"},
	{"100/w", "want a form like"},
	{"-1/s", "want a form like"},
	{"1e3/s", "want a form like"},
	{"0x10/s", "want a form like"},
	{"inf/s", "want a form like"},
	{"/s", `rate: "": want a number`},
	{"./s", `rate: ".": want a number`},
	{"1.2.3/s", `rate: "1.2.3": want a number`},
	{"100/s soft", "want a form like"}, // only a usageplan.Throttle can be soft
	{"100/s burst 5 soft", "burst: \"5 soft\""},
	{"100 / s", "want a form like"},
	{"100/s burst", "want a form like"},
	{"100/s burst ", `burst: "": want a whole number`},
	{" 100/s", "want a form like"},
	{"100/S", "want a form like"},
	{"100/seconds", "want a form like \"100/second burst 200\", with second, minute, hour or day; or \"unlimited\", or \"blocked\""},
	{"100/Day", "want a form like"},
	{"unlimited/s", "want a form like"},
	{"100/s 200", "want a form like"},
	{"100/s burst 1 2", `burst: "1 2": want a whole number`},
	{"100/s bursts 200", "want a form like"},
	{"100/s burst x", `burst: "x": want a whole number`},
	{"100/s burst 1.5", `burst: "1.5": want a whole number`},
	{"100/s burst -1", "burst: -1: want 0 or more"},
	{"1/d burst 1000000", "a smaller burst or a rounder rate"},
	{"2000000000000/s", "1e-8 to 1e12"},
	{"0.000000001/s", "1e-8 to 1e12"},
	{"1" + strings.Repeat("0", 400) + "/s", "value out of range"}, // not rate.Inf
	{"0." + strings.Repeat("0", 400) + "1/s", "too small"},        // not 0, which blocks
	{"99999999999999999999/s", "1e-8 to 1e12"},                    // the default burst overflows an int
	{"0/s burst 99999999999999999999", "value out of range"},
}

func TestParseFaults(t *testing.T) {
	for _, c := range wrongTexts {
		l, err := limiter.Parse(c.text)
		assert.ErrorIs(t, err, limiter.ErrInvalid, "%.40q", c.text)
		assert.ErrorContains(t, err, c.fault, "%.40q", c.text)
		assert.Zero(t, l)
	}
}

// TestLimitStringOfInvalid expects that String prints an invalid limit and that
// MarshalText refuses it.
func TestLimitStringOfInvalid(t *testing.T) {
	for want, l := range map[string]limiter.Limit{
		"NaN/s burst 1":    {Rate: rate.Limit(math.NaN()), Burst: 1},
		"-2/s burst -1":    {Rate: -2, Burst: -1},
		"+Inf/s burst 1":   {Rate: rate.Limit(math.Inf(1)), Burst: 1},
		"blocked burst -1": {Burst: -1},
	} {
		assert.Equal(t, want, l.String())
		_, err := l.MarshalText()
		assert.ErrorIs(t, err, limiter.ErrInvalid)
	}
}

func TestLimitUnmarshalTextKeepsOnError(t *testing.T) {
	l := limiter.PerSecond(3)
	require.Error(t, l.UnmarshalText([]byte("3 a second")))
	assert.Equal(t, limiter.PerSecond(3), l)
	require.NoError(t, l.UnmarshalText([]byte("4/s")))
	assert.Equal(t, limiter.PerSecond(4), l)
}

// roundTrip checks that a valid Limit survives its text form.
func roundTrip(t *testing.T, l limiter.Limit) {
	t.Helper()
	back, err := limiter.Parse(l.String())
	require.NoError(t, err, "%#v", l)
	require.Equal(t, l, back, "%s", l)
}

func TestLimitRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		roundTrip(t, limiter.Limit{Rate: rate.Limit(math.Pow(10, random.Float64()*20-8)), Burst: 1 + random.IntN(50)})
		for _, seconds := range []rate.Limit{1, 60, 3600, 86400} {
			n := 1 + random.IntN(100_000)
			roundTrip(t, limiter.Limit{Rate: rate.Limit(n) / seconds, Burst: 1 + random.IntN(50)})
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range texts {
		f.Add(c.text)
	}
	for _, c := range wrongTexts {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := limiter.Parse(s)
		if err != nil {
			require.ErrorIs(t, err, limiter.ErrInvalid)
			return
		}
		require.NoError(t, l.Validate())
		roundTrip(t, l)
	})
}

func FuzzLimitString(f *testing.F) {
	for _, c := range texts {
		f.Add(float64(c.limit.Rate), c.limit.Burst)
	}
	f.Fuzz(func(t *testing.T, perSecond float64, burst int) {
		l := limiter.Limit{Rate: rate.Limit(perSecond), Burst: burst}
		s := l.String() // must not panic
		if l.Validate() == nil {
			roundTrip(t, l)
		} else if back, err := limiter.Parse(s); err == nil {
			t.Fatalf("%#v is not valid, but %q is %#v", l, s, back)
		}
	})
}
