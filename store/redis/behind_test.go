package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	period "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	local "github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestCallerBehind has a caller whose clock is behind charge a window that all others
// have used up and left. The window is refused to that caller as long as its clock is
// behind by at most Keep and an hour, by the caller's clock and by the server's.
func TestCallerBehind(t *testing.T) {
	client := dial(t, redistest.Start(t))
	clock := clock{client: client}
	s := newStore(t, client, withClock(t, decisionScripts))
	for _, test := range []struct {
		name         string
		keep, behind time.Duration
		again        int // at most so many units of the window that was used up
	}{
		{"within Keep and an hour", time.Minute, 59 * time.Minute, 0},
		{"beyond", time.Minute, 150 * time.Minute, 10},
		{"a day's Keep", 24 * time.Hour, 150 * time.Minute, 0},
		{"a day's Keep, a day behind", 24 * time.Hour, 24 * time.Hour, 0},
		{"a day's Keep, two days behind", 24 * time.Hour, 48 * time.Hour, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			took := func(at time.Time) (n int) {
				hour := at.Truncate(time.Hour)
				m := store.Meter{Name: "hour", Max: 10, Start: hour.Unix(), End: hour.Unix() + 3600, Keep: test.keep}
				for range 20 {
					c := chargeAt(store.Spend, at, test.name, 1, []store.Meter{m}...)
					require.NoError(t, s.Take(t.Context(), c))
					if c.OK {
						n++
					}
				}
				return n
			}
			noon := time.Unix(day, 0).Add(12 * time.Hour)
			clock.set(t, noon)
			require.Equal(t, 10, took(noon))
			for now := noon; now.Before(noon.Add(test.behind)); {
				now = now.Add(time.Hour)
				clock.set(t, now)
				require.Equal(t, 10, took(now), "a caller whose clock is right")
			}
			clock.set(t, noon.Add(test.behind))
			require.LessOrEqual(t, took(noon), test.again)
		})
	}
}

// TestCallerAhead has a caller whose clock is two hours ahead use up a window. The server
// keeps that window until it has ended by the server's clock too, and for Keep and an
// hour more.
func TestCallerAhead(t *testing.T) {
	client := dial(t, redistest.Start(t))
	clock := clock{client: client}
	s := newStore(t, client, withClock(t, decisionScripts))
	noon := time.Unix(day, 0).Add(12 * time.Hour)
	m := store.Meter{Name: "hour", Max: 10, Start: noon.Unix(), End: noon.Unix() + 3600, Keep: time.Minute}
	clock.set(t, noon.Add(-90*time.Minute))
	for range 10 {
		c := chargeAt(store.Spend, noon.Add(30*time.Minute), "a", 1, []store.Meter{m}...)
		require.NoError(t, s.Take(t.Context(), c))
		require.True(t, c.OK)
	}
	ttl, err := client.Do(t.Context(), client.B().Ttl().Key("ration:{a}").Build()).AsInt64()
	require.NoError(t, err)
	want := 90*time.Minute + time.Hour + m.Keep + time.Hour
	require.InDelta(t, want.Seconds(), ttl, 2)
}

// TestGateBehind repeats TestCallerBehind with Gates, one of which is two and a half
// hours behind. Together they admit one hour's quota, once.
func TestGateBehind(t *testing.T) {
	client := dial(t, redistest.Start(t))
	clock := clock{client: client}
	s := newStore(t, client, withClock(t, decisionScripts))
	for name, keep := range map[string]time.Duration{"default": 0, "a minute": time.Minute, "a day": 24 * time.Hour} {
		dir := local.New(local.Config{})
		plan := usageplan.Plan{Quotas: []period.Quota{{Limit: 10, Period: period.Hour}}}
		_, secret, _ := gateOver(t, dir, s, plan)
		g, err := gate.New(dir, dir, s, gate.Config{Keep: keep, Timeout: time.Minute})
		require.NoError(t, err)
		defer g.Close()
		admitted := func(at time.Time) (n int) {
			for range 20 {
				d, err := g.Admit(t.Context(), gate.Request{Secret: secret, At: at})
				require.NoError(t, err)
				if d.Allowed {
					n++
				}
			}
			return n
		}
		noon := time.Unix(day, 0).Add(12 * time.Hour)
		clock.set(t, noon)
		require.Equal(t, 10, admitted(noon), name)
		late := noon.Add(150 * time.Minute)
		clock.set(t, late)
		require.Equal(t, 10, admitted(late), name)
		require.Zero(t, admitted(noon), name)
	}
}
