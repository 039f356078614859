package usageplan_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// throttleTexts are texts of throttles, and what they mean.
var throttleTexts = []struct {
	text     string
	throttle usageplan.Throttle
	print    string // if it differs from text
}{
	{"5/s burst 9", usageplan.Throttle{Limit: limiter.Limit{Rate: 5, Burst: 9}}, ""},
	{"5/second burst 9", usageplan.Throttle{Limit: limiter.Limit{Rate: 5, Burst: 9}}, "5/s burst 9"},
	{"5000/hour as hourly", usageplan.Throttle{Limit: limiter.Limit{Rate: 5000.0 / 3600, Burst: 5000}, Name: "hourly"}, "5000/h burst 5000 as hourly"},
	{"100000 input_tokens/minute burst 20000", usageplan.Throttle{Limit: limiter.Limit{Rate: 100_000.0 / 60, Burst: 20_000}, Unit: "input_tokens"},
		"100000 input_tokens/m burst 20000"},
	{"100000 input_tokens/m burst 20000 as tpm", usageplan.Throttle{Limit: limiter.Limit{Rate: 100_000.0 / 60, Burst: 20_000}, Unit: "input_tokens", Name: "tpm"}, ""},
	{"7 tokens/day", usageplan.Throttle{Limit: limiter.Limit{Rate: 7.0 / 86400, Burst: 7}, Unit: "tokens"}, "7 tokens/d burst 7"},
	{"2.5 tokens/s", usageplan.Throttle{Limit: limiter.Limit{Rate: 2.5, Burst: 3}, Unit: "tokens"}, "2.5 tokens/s burst 3"},
	{"5 requests/s burst 5", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "requests"}, ""},
	{"5/s burst 0", usageplan.Throttle{Limit: limiter.Limit{Rate: 5}}, ""},
	{"blocked", usageplan.Throttle{}, ""},
	{"blocked burst 3 as none", usageplan.Throttle{Limit: limiter.Limit{Burst: 3}, Name: "none"}, ""},
	{"0 tokens/s", usageplan.Throttle{Unit: "tokens"}, ""},
	{"0 tokens/day burst 3", usageplan.Throttle{Limit: limiter.Limit{Burst: 3}, Unit: "tokens"}, "0 tokens/s burst 3"},
	{"5/s burst 5 as a/b burst 3", usageplan.Throttle{Limit: limiter.PerSecond(5), Name: "a/b burst 3"}, ""},
	{"5 tokens/s burst 5 as  as ", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "tokens", Name: " as "}, ""},
	{`5/s burst 5 as 5 tokens/s as "x`, usageplan.Throttle{Limit: limiter.PerSecond(5), Name: `5 tokens/s as "x`}, ""},
	// Words of the form may be units.
	{"5 as/s burst 5 as x", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "as", Name: "x"}, ""},
	{"5 burst/s burst 5", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "burst"}, ""},
	{"5 blocked/s burst 5", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "blocked"}, ""},
	{"5 s/s burst 5", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "s"}, ""},
	{"5 soft/s burst 5", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "soft"}, ""},
	// A soft throttle.
	{"5/s burst 9 soft", usageplan.Throttle{Limit: limiter.Limit{Rate: 5, Burst: 9}, Soft: true}, ""},
	{"5/s soft", usageplan.Throttle{Limit: limiter.PerSecond(5), Soft: true}, "5/s burst 5 soft"},
	{"5 tokens/minute soft as trial", usageplan.Throttle{Limit: limiter.PerMinute(5), Unit: "tokens", Name: "trial", Soft: true}, "5 tokens/m burst 5 soft as trial"},
	{"5 soft/s burst 5 soft as soft", usageplan.Throttle{Limit: limiter.PerSecond(5), Unit: "soft", Name: "soft", Soft: true}, ""},
	{"5/s burst 5 as soft", usageplan.Throttle{Limit: limiter.PerSecond(5), Name: "soft"}, ""},
	{"5/s burst 5 soft as a soft as  soft ", usageplan.Throttle{Limit: limiter.PerSecond(5), Name: "a soft as  soft ", Soft: true}, ""},
	{"blocked soft", usageplan.Throttle{Soft: true}, ""},
	{"blocked burst 3 soft as none", usageplan.Throttle{Limit: limiter.Limit{Burst: 3}, Name: "none", Soft: true}, ""},
	{"0 tokens/s burst 3 soft", usageplan.Throttle{Limit: limiter.Limit{Burst: 3}, Unit: "tokens", Soft: true}, ""},
}

// TestParseThrottle checks that each text has one meaning, and that String returns a text
// of the same meaning.
func TestParseThrottle(t *testing.T) {
	for _, c := range throttleTexts {
		got, err := usageplan.ParseThrottle(c.text)
		require.NoError(t, err, "%q", c.text)
		assert.Equal(t, c.throttle, got, "%q", c.text)
		want := c.print
		if want == "" {
			want = c.text
		}
		assert.Equal(t, want, got.String())
	}
}

// wrongThrottles are texts that are not a throttle, and why.
var wrongThrottles = map[string]string{
	"":                                    `usageplan: invalid throttle "": limiter: invalid limit "": want a form like`,
	"5":                                   "want a form like",
	"5 tokens":                            "want a form like",
	"5/fortnight":                         "want a form like",
	"5 tokens/minutes":                    "want a form like",
	"5  tokens/s":                         `unit: " tokens": want 1 to 32 lower-case`,
	"5 tokens /s":                         `unit: "tokens ": want 1 to 32`,
	"5 Tokens/s":                          `usageplan: invalid throttle "5 Tokens/s": unit: "Tokens": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first`,
	"5 1st/s":                             `unit: "1st"`,
	"5 " + longUnit + "x/s":               `unit: "` + longUnit,
	"5 /s":                                "want a form like",
	" tokens/s":                           `rate: "": want a number`,
	"tokens/s":                            "want a form like",
	"-5 tokens/s":                         "want a form like",
	"1e3 tokens/s":                        "want a form like",
	"blocked tokens/s":                    "want a form like",
	"unlimited":                           "usageplan: invalid throttle: rate: unlimited: want a rate, or no such throttle",
	"unlimited as x":                      "rate: unlimited",
	"unlimited tokens/s":                  "want a form like",
	"5 tokens/s burst":                    "want a form like",
	"5 tokens/s burst -1":                 "usageplan: invalid throttle",
	"5 tokens/s burst many":               `burst: "many": want a whole number`,
	"5/s soft soft":                       "want a form like",
	"5/s as a soft":                       `name: "a soft": want no " soft" at its end`,
	"5/s  soft":                           "want a form like",
	"5/s Soft":                            "want a form like",
	"5/s soft ":                           "want a form like",
	"5/s soft burst 9":                    "want a form like",
	"5/s burst soft":                      "want a form like",
	"5/s burst 9 soft 9":                  "burst: ",
	"5/soft":                              "want a form like",
	"soft":                                "want a form like",
	" soft":                               "want a form like",
	"5 soft":                              "want a form like",
	"soft/s":                              "want a form like",
	"unlimited soft":                      "rate: unlimited: want a rate",
	"5/s soft as ":                        `name: want one after " as "`,
	"5/s as ":                             `name: want one after " as "`,
	"5/s as ä":                            "name: ",
	"5/s as a\nb":                         "name: ",
	"5/s as " + strings.Repeat("x", 129):  "name: ",
	"9000000000000000 tokens/s burst 1":   "rate: ",
	"0.000000000000000000000001 tokens/s": "rate: ",
	"1 tokens/s burst 99999999999999999999999":      "burst: ",
	"0.3333333333 tokens/s burst 99999999999999999": "burst: ",
}

// longUnit is a unit of the greatest length.
var longUnit = strings.Repeat("u", 32)

// TestParseThrottleFaults checks that an error names what is wrong, and that a text that
// is refused makes no throttle.
func TestParseThrottleFaults(t *testing.T) {
	for text, want := range wrongThrottles {
		got, err := usageplan.ParseThrottle(text)
		assert.ErrorIs(t, err, usageplan.ErrInvalid, "%q", text)
		assert.ErrorContains(t, err, want, "%q", text)
		assert.Zero(t, got, "%q", text)

		kept := usageplan.Throttle{Name: "kept"}
		assert.ErrorIs(t, kept.UnmarshalText([]byte(text)), usageplan.ErrInvalid)
		assert.Equal(t, usageplan.Throttle{Name: "kept"}, kept, "unchanged")
	}
}

// TestThrottleValidate checks that all faults are reported at once, and that an invalid
// throttle has no text form.
func TestThrottleValidate(t *testing.T) {
	bad := usageplan.Throttle{Limit: limiter.Limit{Rate: -1, Burst: -2}, Unit: "Tokens", Name: "a\x00"}
	for _, err := range []error{bad.Validate(), second(bad.MarshalText())} {
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.EqualError(t, err, "usageplan: invalid throttle: burst: -2: want 0 or more\n"+
			"rate: -1 a second: want 0, 1e-8 to 1e12, or rate.Inf\n"+
			"unit: \"Tokens\": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first\n"+
			"name: \"a\\x00\": want up to 128 visible ASCII characters or spaces")
	}
	_, err := json.Marshal([]usageplan.Throttle{bad})
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	require.ErrorContains(t, usageplan.Throttle{Limit: limiter.Limit{Rate: rate.Inf}}.Validate(), "rate: unlimited: want a rate")
	require.NoError(t, usageplan.Throttle{}.Validate())
}

// TestThrottleNames checks the names that headers and errors show.
func TestThrottleNames(t *testing.T) {
	for want, throttle := range map[string]usageplan.Throttle{
		"requests": {}, "tokens": {Unit: "tokens"}, "tpm": {Unit: "tokens", Name: "tpm"}, "hourly": {Name: "hourly"},
	} {
		assert.Equal(t, want, throttle.NameOrUnit())
	}
	assert.Equal(t, "requests", usageplan.Throttle{Unit: "requests"}.NameOrUnit())
}

// TestThrottleRoundTrip checks that each valid throttle is read back exactly.
func TestThrottleRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(of []string) string { return of[random.IntN(len(of))] }
	parts := []string{"a", " ", " as ", "/", "burst", " burst 3", "5 tokens/s", "unlimited", "blocked", " soft x", `"`, "~"}
	for range 5000 {
		throttle := usageplan.Throttle{
			Limit: limiter.Limit{Rate: rate.Limit(math.Pow(10, random.Float64()*20-8))},
			Unit:  one([]string{"", "requests", "tokens", "as", "burst", "s", "soft", longUnit}),
			Soft:  random.IntN(2) == 0,
		}
		m, err := throttle.Meter("m")
		require.NoError(t, err)
		switch random.IntN(4) {
		case 0:
			throttle.Rate = 0
			throttle.Burst = random.IntN(9)
		case 1:
			throttle.Burst = int(random.Int64N(min(math.MaxInt, (store.MaxUnits-m.Rate.Tokens)/m.Rate.Per) + 1))
		}
		for range random.IntN(4) {
			throttle.Name += one(parts)
		}
		require.NoError(t, throttle.Validate(), "%#v", throttle)
		back, err := usageplan.ParseThrottle(throttle.String())
		require.NoError(t, err, "%q", throttle)
		require.Equal(t, throttle, back, "%q", throttle)
	}
}

// FuzzParseThrottle checks that every text that ParseThrottle accepts means a valid
// throttle, whose text means the same, and that every error wraps ErrInvalid.
func FuzzParseThrottle(f *testing.F) {
	for _, c := range throttleTexts {
		f.Add(c.text)
	}
	for text := range wrongThrottles {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := usageplan.ParseThrottle(text)
		if err != nil {
			require.ErrorIs(t, err, usageplan.ErrInvalid)
			require.Zero(t, got)
			return
		}
		require.NoError(t, got.Validate())
		back, err := usageplan.ParseThrottle(got.String())
		require.NoError(t, err, "%q", got)
		require.Equal(t, got, back)
		form, err := json.Marshal(got)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(form, &back))
		require.Equal(t, got, back)
	})
}

// FuzzThrottleString checks that every valid throttle is read back exactly from its text.
func FuzzThrottleString(f *testing.F) {
	for _, c := range throttleTexts {
		f.Add(float64(c.throttle.Rate), c.throttle.Burst, c.throttle.Unit, c.throttle.Name, c.throttle.Soft)
	}
	f.Add(-1.0, -1, "Tokens", "\x00", true)
	f.Fuzz(func(t *testing.T, perSecond float64, burst int, unit, name string, soft bool) {
		throttle := usageplan.Throttle{Limit: limiter.Limit{Rate: rate.Limit(perSecond), Burst: burst}, Unit: unit, Name: name, Soft: soft}
		text := throttle.String()
		back, err := usageplan.ParseThrottle(text)
		if throttle.Validate() != nil {
			return
		}
		require.NoError(t, err, "%q", text)
		require.Equal(t, throttle, back, "%q", text)
	})
}

// FuzzQuotaInPlan checks that the JSON form of a plan with a quota keeps the quota.
func FuzzQuotaInPlan(f *testing.F) {
	for _, text := range []string{"5 tokens/day", "5 requests/month start 3", "0 as/week start Monday as as/as", "5/day as tokens/day", "5 soft/day soft as soft"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := quota.Parse(text)
		if err != nil || q.Location != nil {
			return
		}
		var back usageplan.Plan
		form, err := json.Marshal(usageplan.Plan{Quotas: []quota.Quota{q}})
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(form, &back))
		require.Equal(t, []quota.Quota{q}, back.Quotas)
	})
}
