package quota_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
)

func TestValidate(t *testing.T) {
	for _, q := range []quota.Quota{
		{Period: quota.Minute},
		{Period: quota.Day, Limit: store.MaxUnits - 1},
		{Period: quota.Week, StartDay: 6},
		{Period: quota.Month, StartDay: 31},
		{Period: quota.Year, Name: strings.Repeat("x", quota.MaxName)},
		{Period: quota.Hour, Name: ` "free" tier~`},
		{Period: quota.Hour, Unit: "requests"},
		{Period: quota.Hour, Unit: strings.Repeat("u", 32)},
		{Period: quota.Hour, Unit: "a_9"},
		{Period: quota.Day, Location: time.UTC},
		{Period: quota.Day, Location: zone(t, "Etc/GMT-2")},
	} {
		assert.NoError(t, q.Validate(), "%v", q)
	}
	for _, c := range []struct {
		quota  quota.Quota
		faults []string
	}{
		{quota.Quota{}, []string{"period: 0"}},
		{quota.Quota{Period: 7, Limit: -1, Name: "a\x7f", StartDay: -1, Location: time.Local}, []string{
			"period: 7: want one of", "limit: -1: want 0 to 2^53-2", `name: "a\x7f"`, "start day: -1", `zone: "Local"`}},
		{quota.Quota{Period: quota.Day, Limit: store.Unlimited}, []string{"limit: 9007199254740991: want"}},
		{quota.Quota{Period: quota.Day, Name: strings.Repeat("x", quota.MaxName+1)}, []string{"name: "}},
		{quota.Quota{Period: quota.Day, Name: "größe"}, []string{"name: "}},
		{quota.Quota{Period: quota.Day, Unit: "Tokens"}, []string{`unit: "Tokens": want 1 to 32 lower-case`}},
		{quota.Quota{Period: quota.Day, Unit: "_"}, []string{`unit: "_": want`}},
		{quota.Quota{Period: quota.Day, Unit: "9a"}, []string{`unit: "9a": want`}},
		{quota.Quota{Period: quota.Day, Unit: "a b"}, []string{`unit: "a b": want`}},
		{quota.Quota{Period: quota.Day, Unit: strings.Repeat("u", 33)}, []string{`unit: "uuu`}},
		{quota.Quota{Limit: -1, Unit: "A", Name: "\n"}, []string{`name: "\n"`, "limit: -1", `unit: "A"`, "period: 0"}},
		{quota.Quota{Period: quota.Minute, StartDay: 1}, []string{"start day: 1: want 0 to 0 for a minute"}},
		{quota.Quota{Period: quota.Week, StartDay: 7}, []string{"start day: 7: want 0 to 6 for a week"}},
		{quota.Quota{Period: quota.Month, StartDay: 32}, []string{"start day: 32: want 0 to 31 for a month"}},
		{quota.Quota{Period: quota.Year, StartDay: 1}, []string{"start day: 1: want 0 to 0 for a year"}},
		// Zones that cannot be loaded by their names.
		{quota.Quota{Period: quota.Day, Location: time.FixedZone("UTC+2", 7200)}, []string{"zone: ", "UTC+2", "time/tzdata"}},
		{quota.Quota{Period: quota.Day, Location: time.FixedZone("CET", 3600)}, []string{"zone: CET: differs from the zone of this name"}},
		{quota.Quota{Period: quota.Day, Location: time.FixedZone("", 3600)}, []string{`zone: ""`}},
	} {
		err := c.quota.Validate()
		require.ErrorIs(t, err, quota.ErrInvalid, "%v", c.quota)
		for _, fault := range c.faults {
			assert.ErrorContains(t, err, fault)
		}
	}
}

func TestMeter(t *testing.T) {
	at := time.Date(2026, 3, 5, 10, 20, 30, 0, time.UTC)
	start := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC).Unix()
	m := quota.Quota{Limit: 1000, Period: quota.Day}.Meter(at, time.Hour)
	assert.Equal(t, store.Meter{Name: "day", Max: 1000, Start: start, End: start + 86400, Keep: time.Hour}, m)
	m = quota.Quota{Limit: 1000, Period: quota.Day, Name: "tokens"}.Meter(at, 0)
	assert.Equal(t, "tokens/day", m.Name)
	m = quota.Quota{Limit: 1000, Period: quota.Month, Name: "day"}.Meter(at, 0)
	assert.Equal(t, "day/month", m.Name)
	m = quota.Quota{Limit: 1000, Period: quota.Day, Name: "day"}.Meter(at, 0)
	assert.Equal(t, "day", m.Name, "as without a name")
	m = quota.Quota{Limit: 1000, Period: quota.Day, Soft: true}.Meter(at, time.Hour)
	assert.Equal(t, store.Meter{Name: "day", Max: 1000, Start: start, End: start + 86400, Keep: time.Hour, Soft: true}, m, "the same count as without Soft")
	m = quota.Record("use/k1", at, time.Hour)
	assert.Equal(t, store.Meter{Name: "use/k1", Max: store.Unlimited, Start: start, End: start + 86400, Keep: time.Hour}, m)

	for p := quota.Minute; p <= quota.Year; p++ {
		m := quota.Quota{Limit: 1, Period: p}.Meter(at, time.Hour)
		assert.NoError(t, store.CheckMeters([]store.Meter{m}), "%v", p)
		assert.Equal(t, p.String(), m.Name)
	}
	assert.Error(t, store.CheckMeters([]store.Meter{quota.Quota{Limit: 1}.Meter(at, 0)}), "no store accepts a quota without a period")
}

// TestMeterNames checks that the count of a window belongs to the name, the unit and the
// period, and that quotas that differ in one of these have two counts.
func TestMeterNames(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	meter := func(q quota.Quota) string { return q.Meter(at, 0).Name }
	for want, q := range map[string]quota.Quota{
		"day tokens":          {Unit: "tokens", Period: quota.Day},
		"a/day tokens":        {Unit: "tokens", Period: quota.Day, Name: "a"},
		"tokens/day":          {Period: quota.Day, Name: "tokens"},
		"day/day tokens":      {Unit: "tokens", Period: quota.Day, Name: "day"},
		"tokens/day/day":      {Period: quota.Day, Name: "tokens/day"},
		"a/day":               {Unit: "requests", Period: quota.Day, Name: "a"},
		"day":                 {Unit: "requests", Period: quota.Day},
		"month":               {Unit: "requests", Period: quota.Month, Name: "month"},
		"day/month":           {Period: quota.Month, Name: "day"},
		"month day":           {Unit: "day", Period: quota.Month},
		"tokens/month tokens": {Unit: "tokens", Period: quota.Month, Name: "tokens"},
	} {
		assert.Equal(t, want, meter(q), "%+v", q)
	}
	assert.Equal(t, "day tokens", meter(quota.Quota{Unit: "tokens", Period: quota.Day, Name: "tokens/day"}), "as without a name")

	type identity struct{ name, unit, period string }
	seen := map[string]identity{}
	names := []string{"", "day", "month", "tokens", "tokens/day", "day tokens", "a", "a/day", "a/day tokens", "a/tokens", "tokens/day tokens"}
	for _, name := range names {
		for _, unit := range []string{"", "tokens", "day", "month"} {
			for _, period := range []quota.Period{quota.Day, quota.Month} {
				q := quota.Quota{Name: name, Unit: unit, Period: period}
				id := identity{q.NameOrPeriod(), unit, period.String()}
				if other, ok := seen[meter(q)]; ok {
					assert.Equal(t, other, id, "%q", meter(q))
				}
				seen[meter(q)] = id
			}
		}
	}
	longest := quota.Quota{Name: strings.Repeat("n", quota.MaxName), Unit: strings.Repeat("u", 32), Period: quota.Minute}
	assert.NoError(t, store.CheckMeters([]store.Meter{longest.Meter(at, 0)}))
}

// TestNameOrPeriod checks the names that headers and errors show.
func TestNameOrPeriod(t *testing.T) {
	for want, q := range map[string]quota.Quota{
		"day": {Period: quota.Day, Unit: "requests"}, "month": {Period: quota.Month}, "tokens/day": {Period: quota.Day, Unit: "tokens"},
		"tpd": {Period: quota.Day, Unit: "tokens", Name: "tpd"},
	} {
		assert.Equal(t, want, q.NameOrPeriod())
	}
}

func TestPeriod(t *testing.T) {
	for p, name := range map[quota.Period]string{quota.Minute: "minute", quota.Hour: "hour", quota.Day: "day",
		quota.Week: "week", quota.Month: "month", quota.Year: "year"} {
		assert.Equal(t, name, p.String())
		for _, text := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			parsed, err := quota.ParsePeriod(text)
			require.NoError(t, err)
			assert.Equal(t, p, parsed)
		}
		text, err := p.MarshalText()
		require.NoError(t, err)
		var back quota.Period
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, p, back)
	}
	for _, text := range []string{"", "days", " day", "decade", "period(0)"} {
		p := quota.Hour
		assert.ErrorIs(t, p.UnmarshalText([]byte(text)), quota.ErrInvalid, "%q", text)
		assert.Equal(t, quota.Hour, p, "unchanged")
	}
	for _, p := range []quota.Period{0, 7, 255} {
		_, err := p.MarshalText()
		assert.ErrorIs(t, err, quota.ErrInvalid)
		assert.Contains(t, p.String(), "period(")
	}
}
