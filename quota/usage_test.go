package quota_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

const keep = 90 * 24 * time.Hour

// charge takes n units of q and of the usage record at an instant.
func charge(t *testing.T, c store.Counter, subject string, at time.Time, q quota.Quota, n int64) {
	t.Helper()
	charge := &store.Charge{At: at, Parts: []store.Part{store.NewPart(subject, n, q.Meter(at, keep), quota.Record(quota.RecordName, at, keep))}}
	require.NoError(t, c.Take(t.Context(), charge))
	require.True(t, charge.OK)
}

func assertJSON(t *testing.T, want string, v any, msg ...any) {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	assert.JSONEq(t, want, string(text), msg...)
}

// used returns the units of a []quota.Usage or a []quota.DayUsage.
func used(list any) (units []int64) {
	switch list := list.(type) {
	case []quota.Usage:
		for _, u := range list {
			units = append(units, u.Used)
		}
	case []quota.DayUsage:
		for _, u := range list {
			units = append(units, u.Used)
		}
	}
	return units
}

func TestDaysAndWindows(t *testing.T) {
	st := memory.New(memory.Config{})
	q := quota.Quota{Limit: 100, Period: quota.Week, StartDay: int(time.Monday)}
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) } // 2 March is a Monday
	for _, c := range []struct {
		subject   string
		day, hour int
		n         int64
	}{
		{"a", 1, 23, 5}, {"a", 2, 0, 7}, {"b", 2, 3, 70}, {"a", 4, 12, 1}, {"a", 4, 13, 2}, {"a", 9, 1, 11},
	} {
		charge(t, st, c.subject, at(c.day, c.hour), q, c.n)
	}
	subjects := []string{"a", "nobody", "b"}

	days, err := quota.Days(t.Context(), st, at(4, 20), subjects, quota.RecordName, 5)
	require.NoError(t, err)
	require.Len(t, days, 3)
	assert.Equal(t, []int64{0, 5, 7, 0, 3}, used(days[0]), "oldest first, today last")
	assert.Equal(t, []int64{0, 0, 0, 0, 0}, used(days[1]))
	assert.Equal(t, []int64{0, 0, 70, 0, 0}, used(days[2]))
	assertJSON(t, `{"start":"2026-03-04T00:00:00Z","end":"2026-03-05T00:00:00Z","used":3}`, days[0][4], "a record has no limit")

	weeks, err := quota.Windows(t.Context(), st, at(9, 20), subjects, q, 3)
	require.NoError(t, err)
	assert.Equal(t, []int64{5, 10, 11}, used(weeks[0]))
	assert.Equal(t, []int64{0, 70, 0}, used(weeks[2]))
	assert.Equal(t, quota.Usage{Start: at(2, 0), End: at(9, 0), Used: 10, Limit: 100, Remaining: 90}, weeks[0][1])
	assertJSON(t, `{"start":"2026-03-02T00:00:00Z","end":"2026-03-09T00:00:00Z","used":10,"limit":100,"remaining":90}`, weeks[0][1])

	none, err := quota.Days(t.Context(), st, at(4, 20), nil, quota.RecordName, 5)
	require.NoError(t, err)
	assert.Empty(t, none)
}

// TestWindowsReportTheLimit reports a window that was extended, and one whose use exceeds
// a limit that was lowered later.
func TestWindowsReportTheLimit(t *testing.T) {
	st, at := memory.New(memory.Config{}), time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	q := quota.Quota{Limit: 100, Period: quota.Month, Location: zone(t, "Europe/Berlin")}
	charge(t, st, "a", at, q, 60)
	require.NoError(t, st.Take(t.Context(), &store.Charge{Op: store.SetRemaining, At: at, Parts: []store.Part{store.NewPart("a", 90, q.Meter(at, keep))}}))
	months, err := quota.Windows(t.Context(), st, at, []string{"a"}, q, 1)
	require.NoError(t, err)
	assert.Equal(t, int64(60), months[0][0].Used)
	assert.Equal(t, int64(150), months[0][0].Limit)
	assert.Equal(t, int64(90), months[0][0].Remaining)
	assert.Equal(t, q.Location, months[0][0].Start.Location())

	charge(t, st, "b", at, q, 60)
	q.Limit = 20
	months, err = quota.Windows(t.Context(), st, at, []string{"b"}, q, 1)
	require.NoError(t, err)
	assert.Equal(t, int64(60), months[0][0].Used)
	assert.Equal(t, int64(20), months[0][0].Limit)
	assert.Zero(t, months[0][0].Remaining, "never negative")
}

// peeker counts the calls of Peek and what the last one reads.
type peeker struct {
	store.Counter
	calls, subjects, meters int
	err                     error
}

func (p *peeker) Peek(_ context.Context, _ time.Time, subjects []string, meters []store.Meter, _ []store.Level, _ []int64) error {
	p.calls, p.subjects, p.meters = p.calls+1, len(subjects), len(meters)
	return p.err
}

func TestUsageIsOnePeek(t *testing.T) {
	p := new(peeker)
	usage, err := quota.Days(t.Context(), p, time.Now(), make([]string, 500), quota.RecordName, 90)
	require.NoError(t, err)
	assert.Len(t, usage, 500)
	assert.Len(t, usage[499], 90)
	assert.Equal(t, []int{1, 500, 90}, []int{p.calls, p.subjects, p.meters})

	p.err = errors.New("broken")
	_, err = quota.Days(t.Context(), p, time.Now(), []string{"a"}, quota.RecordName, 1)
	assert.ErrorIs(t, err, p.err)
}

func TestUsageFaults(t *testing.T) {
	p, q := new(peeker), quota.Quota{Limit: 1, Period: quota.Day}
	for _, n := range []int{-1, 0, quota.MaxWindows + 1} {
		_, err := quota.Days(t.Context(), p, time.Now(), []string{"a"}, quota.RecordName, n)
		assert.ErrorIs(t, err, quota.ErrInvalid, "%d", n)
		_, err = quota.Windows(t.Context(), p, time.Now(), []string{"a"}, q, n)
		assert.ErrorIs(t, err, quota.ErrInvalid, "%d", n)
	}
	_, err := quota.Windows(t.Context(), p, time.Now(), []string{"a"}, quota.Quota{Limit: 1}, 1)
	assert.ErrorIs(t, err, quota.ErrInvalid)
	assert.Zero(t, p.calls)
	_, err = quota.Windows(t.Context(), p, time.Now(), []string{"a"}, q, quota.MaxWindows)
	assert.NoError(t, err)
}

func TestUsageAtZeroIsNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		usage, err := quota.Days(t.Context(), new(peeker), time.Time{}, []string{"a"}, quota.RecordName, 1)
		require.NoError(t, err)
		assert.Equal(t, time.Now().UTC(), usage[0][0].Start, "a bubble begins at midnight")
	})
}
