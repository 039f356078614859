package quota_test

import (
	"encoding/json"
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
	{"", `limit: "": want a whole number, as in 1000/day`},
	{"1000", "period: "},
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
	{"5/day as aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "name: "},
	{"5/day for ever", "period: "},
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
