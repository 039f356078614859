package quota_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
)

var texts = []struct {
	text  string
	quota quota.Quota // without its Location
	zone  string
}{
	{"0/minute", quota.Quota{Period: quota.Minute}, ""},
	{"1000/day", quota.Quota{Limit: 1000, Period: quota.Day}, ""},
	{"9007199254740990/year", quota.Quota{Limit: 9007199254740990, Period: quota.Year}, ""},
	{"500/week start Monday", quota.Quota{Limit: 500, Period: quota.Week, StartDay: 1}, ""},
	{"7/month start 1", quota.Quota{Limit: 7, Period: quota.Month, StartDay: 1}, ""},
	{"1000000/month start 15 in Europe/Berlin", quota.Quota{Limit: 1000000, Period: quota.Month, StartDay: 15}, "Europe/Berlin"},
	{"5/day in UTC", quota.Quota{Limit: 5, Period: quota.Day}, "UTC"},
	{"5/day as tokens", quota.Quota{Limit: 5, Period: quota.Day, Name: "tokens"}, ""},
	{"5/hour in Asia/Kathmandu as free  tier ", quota.Quota{Limit: 5, Period: quota.Hour, Name: "free  tier "}, "Asia/Kathmandu"},
	{`5/day as a start 3 in x as "y"`, quota.Quota{Limit: 5, Period: quota.Day, Name: `a start 3 in x as "y"`}, ""},
	{"5/day as  as ", quota.Quota{Limit: 5, Period: quota.Day, Name: " as "}, ""},
	{"200000 input_tokens/day", quota.Quota{Limit: 200000, Unit: "input_tokens", Period: quota.Day}, ""},
	{"0 tokens/minute", quota.Quota{Unit: "tokens", Period: quota.Minute}, ""},
	{"5 requests/day", quota.Quota{Limit: 5, Unit: "requests", Period: quota.Day}, ""},
	{"5 micro_usd/week start Monday in Asia/Kathmandu as a/b", quota.Quota{Limit: 5, Unit: "micro_usd", Period: quota.Week, StartDay: 1, Name: "a/b"}, "Asia/Kathmandu"},
	{"5/day as 5 tokens/day", quota.Quota{Limit: 5, Period: quota.Day, Name: "5 tokens/day"}, ""},
	{"5 as/day as as", quota.Quota{Limit: 5, Unit: "as", Period: quota.Day, Name: "as"}, ""},
	{"5 in/day in UTC", quota.Quota{Limit: 5, Unit: "in", Period: quota.Day}, "UTC"},
	{"5 start/month start 3", quota.Quota{Limit: 5, Unit: "start", Period: quota.Month, StartDay: 3}, ""},
	{"5 day/day", quota.Quota{Limit: 5, Unit: "day", Period: quota.Day}, ""},
	{"5/day soft", quota.Quota{Limit: 5, Period: quota.Day, Soft: true}, ""},
	{"5 tokens/week start Monday soft", quota.Quota{Limit: 5, Unit: "tokens", Period: quota.Week, StartDay: 1, Soft: true}, ""},
	{"5/month start 15 in Europe/Berlin soft as trial", quota.Quota{Limit: 5, Period: quota.Month, StartDay: 15, Soft: true, Name: "trial"}, "Europe/Berlin"},
	{"5/day in UTC soft", quota.Quota{Limit: 5, Period: quota.Day, Soft: true}, "UTC"},
	{"5 soft/day", quota.Quota{Limit: 5, Unit: "soft", Period: quota.Day}, ""},
	{"5 soft/day soft as soft", quota.Quota{Limit: 5, Unit: "soft", Period: quota.Day, Soft: true, Name: "soft"}, ""},
	{"5/day as soft", quota.Quota{Limit: 5, Period: quota.Day, Name: "soft"}, ""},
	{"5/day soft as a soft as b", quota.Quota{Limit: 5, Period: quota.Day, Soft: true, Name: "a soft as b"}, ""},
}

func zoneName(q quota.Quota) string {
	if q.Location == nil {
		return ""
	}
	return q.Location.String()
}

func TestParse(t *testing.T) {
	for _, c := range texts {
		q, err := quota.Parse(c.text)
		require.NoError(t, err, "%q", c.text)
		assert.Equal(t, c.zone, zoneName(q), "%q", c.text)
		assert.Equal(t, c.text, q.String())
		q.Location = nil
		assert.Equal(t, c.quota, q, "%q", c.text)
	}
	for text, want := range map[string]string{
		"+05/DAY":             "5/day",
		"5/week start monday": "5/week start Monday",
		"5/week start SUNDAY": "5/week", // the default
		"5/Month start 07":    "5/month start 7",
	} {
		q, err := quota.Parse(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, q.String())
	}
}

var wrongTexts = []struct{ text, fault string }{
	{"", `want a limit, "/" and a period, as in 1000/day`},
	{"1000", `want a limit, "/" and a period, as in 1000/day`},
	{"/day", "limit: "},
	{"many/day", `limit: "many": want a whole number, as in 1000/day`},
	{"1.5/day", `limit: "1.5": want a whole number`},
	{"1000/fortnight", `period: "fortnight": want minute`},
	{"1000 / day", `limit: "1000 ": want a whole number`},
	{"1000/day ", "period: "},
	{"-1/day", "limit: -1: want 0 to 2^53-2"},
	{"9007199254740991/day", "limit: 9007199254740991"},
	{"99999999999999999999/day", "value out of range"},
	{"5/day start 1", `start day: "1": want none for a day`},
	{"5/week start 1", `start day: "1": want Sunday to Saturday`},
	{"5/week start Mon", `start day: "Mon"`},
	{"5/month start 0", `start day: "0": want 1 to 31`},
	{"5/month start 32", `start day: "32": want 1 to 31`},
	{"5/month start Monday", `start day: "Monday": want 1 to 31`},
	{"5/month start ", `start day: ""`},
	{"5/day in ", `zone: ""`},
	{"5/day in Local", `zone: "Local"`},
	{"5/day in Europe/Atlantis", "import time/tzdata"},
	{"5/day in ../../etc/passwd", "zone: "},
	{"5/month in Europe/Berlin start 3", "zone: "}, // the parts must be in order
	{"5/day as ", "name: want one"},
	{"5/day as a\tb", "name: "},
	{"5/day as " + strings.Repeat("a", quota.MaxName+1), "want up to 128 visible ASCII characters"},
	{"5/day for ever", "period: "},
	{"5 Tokens/day", `quota: invalid quota "5 Tokens/day": unit: "Tokens": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first`},
	{"5 1st/day", `unit: "1st": want 1 to 32`},
	{"5  tokens/day", `unit: " tokens": want`},
	{"5 tokens /day", `unit: "tokens ": want`},
	{"5 input tokens/day", `unit: "input tokens": want`},
	{"5 uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu/day", `unit: "uuu`},
	{"tokens/day", `limit: "tokens": want a whole number`},
	{" tokens/day", `limit: "": want a whole number`},
	{"-1 tokens/day", "limit: -1: want 0 to 2^53-2"},
	{"5 tokens", `quota: invalid quota "5 tokens": want a limit, "/" and a period, as in 1000/day`},
	{"1000 per day", `want a limit, "/" and a period`},
	{"5/tokens/day", `period: "tokens/day"`},
	{"5/day Soft", `period: "day Soft"`},
	{"5/day soft ", `period: "day soft "`},
	{"5/day as  soft", `name: " soft": want no " soft" at its end: that stands before " as "`},
	{"5/day as a soft", `name: "a soft": want no " soft" at its end`},
	{"5/day soft soft", `period: "day soft"`},
	{"5/day  soft", `period: "day "`},
	{"5/daysoft", `period: "daysoft"`},
	{"5/soft", `period: "soft"`},
	{"soft", `want a limit, "/" and a period`},
	{" soft", `want a limit, "/" and a period`},
	{"5/day soft in UTC", `period: "day soft"`}, // the parts must be in order
	{"5/month soft start 3", `period: "month soft"`},
	{"5/month start soft", `period: "month start"`},
	{"5/month start  soft", `start day: ""`},
	{"5/day in soft", `period: "day in"`},
	{"5/day in UTC  soft", "zone: "},
	{"5/day soft as ", "name: want one"},
}

func TestParseFaults(t *testing.T) {
	for _, c := range wrongTexts {
		q, err := quota.Parse(c.text)
		assert.ErrorIs(t, err, quota.ErrInvalid, "%q", c.text)
		assert.ErrorContains(t, err, c.fault, "%q", c.text)
		assert.Zero(t, q)
	}
}

func TestQuotaInJSON(t *testing.T) {
	var plan struct{ Quotas []quota.Quota }
	const text = `{"Quotas":["1000/day","1000000/month start 15 in Europe/Berlin as tokens"]}`
	require.NoError(t, json.Unmarshal([]byte(text), &plan))
	assert.Equal(t, "tokens", plan.Quotas[1].Name)
	back, err := json.Marshal(plan)
	require.NoError(t, err)
	assert.JSONEq(t, text, string(back))

	plan.Quotas[0].Period = 0
	_, err = json.Marshal(plan)
	assert.ErrorIs(t, err, quota.ErrInvalid, "an invalid quota has no text form")
	q := plan.Quotas[1]
	assert.Error(t, q.UnmarshalText([]byte("5/day start 5")))
	assert.Equal(t, plan.Quotas[1], q, "unchanged")
}

// TestStringOfInvalid prints invalid quotas. Parse refuses what String made of them.
func TestStringOfInvalid(t *testing.T) {
	for _, q := range []quota.Quota{{}, {Limit: -5, Period: 99, StartDay: -3, Name: "\x00"}, {Period: quota.Week, StartDay: 9},
		{Period: quota.Day, Location: new(time.Location)}} {
		_, err := quota.Parse(q.String())
		assert.Error(t, err, "%q", q)
	}
}

// TestRoundTrip checks that every valid quota is read back exactly from its text.
func TestRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	one := func(of ...string) string { return of[random.IntN(len(of))] }
	for range 5000 {
		q := quota.Quota{
			Limit: random.Int64N(1 << 53 >> random.IntN(53)), Period: quota.Minute + quota.Period(random.IntN(6)),
			Unit: one("", "requests", "tokens", "as", "in", "start", "day", "a_9", "soft"), Soft: random.IntN(2) == 0,
		}
		switch q.Period {
		case quota.Week:
			q.StartDay = random.IntN(7)
		case quota.Month:
			q.StartDay = random.IntN(32)
		}
		for range random.IntN(4) {
			q.Name += one("a", " ", " as ", " in UTC", " start 3", " soft x", "/", "5 tokens/day", `"`)
		}
		if q.Validate() != nil { // a Limit above the greatest one
			continue
		}
		back, err := quota.Parse(q.String())
		require.NoError(t, err, "%q", q)
		require.Equal(t, q, back, "%q", q)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range texts {
		f.Add(c.text)
	}
	for _, c := range wrongTexts {
		f.Add(c.text)
	}
	at := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		q, err := quota.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, quota.ErrInvalid)
			return
		}
		require.NoError(t, q.Validate())
		back, err := quota.Parse(q.String())
		require.NoError(t, err)
		require.Equal(t, zoneName(q), zoneName(back))
		require.Equal(t, q.Meter(at, 0), back.Meter(at, 0))
		q.Location, back.Location = nil, nil
		require.Equal(t, q, back)
	})
}
