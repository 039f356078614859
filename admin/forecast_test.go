package admin_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestForecast is a timeline of a key and its group. Their pages say when a quota will be
// used up, but only if that is before its window ends. They agree with Gate.Usage.
func TestForecast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC
		f := newFixture(t)
		f.plan("gold", "unlimited", "48/day")
		_, err := f.groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: "gold"})
		require.NoError(t, err)
		secret := f.key(apikey.Key{ID: "k", GroupID: "acme"}, "gold")
		for _, step := range []struct {
			after time.Duration
			uses  int
			want  string
		}{
			{12 * time.Hour, 0, ""},
			{0, 20, ""}, // 40 by midnight
			{0, 12, "2000-01-01 18:00 UTC"},
			{0, 16, ""}, // it is used up, which the bar says
			{day, 8, ""},
			{0, 32, "2000-01-02 14:"}, // the day before counts as well
		} {
			time.Sleep(step.after)
			for range step.uses {
				require.Equal(t, gate.Admitted, f.reason(secret))
			}
			for _, path := range []string{"/usage/keys/k", "/usage/groups/acme"} {
				page := f.get(path)
				if step.want == "" {
					require.NotContains(t, page, "At this pace", "%s %+v", path, step)
					continue
				}
				require.Contains(t, page, "At this pace used up on "+step.want, path)
				usage, err := f.gate.Usage(t.Context(), gate.Request{Secret: secret}, gate.UsageQuery{})
				require.NoError(t, err)
				require.Contains(t, page, usage.Key.Limits[0].Forecast.UsedUp.UTC().Format("2006-01-02 15:04"))
			}
		}
	})
}

// TestNeverUsed checks what the pages say of a key and of secrets without a request.
func TestNeverUsed(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "48/day")
	f.key(apikey.Key{ID: "k"}, "gold")
	_, _, err := f.keys.Rotate(t.Context(), "k", day)
	require.NoError(t, err)
	for _, path := range []string{"/usage/keys", "/usage/keys/k"} {
		page := f.get(path)
		require.Contains(t, page, "never used")
		require.NotContains(t, page, "last used never")
	}
}
