package admin_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestThrottlesOfSeveralPlans checks that the page of a key has the throttle of each of
// its plans, although all of them have the same name.
func TestThrottlesOfSeveralPlans(t *testing.T) {
	f := newFixture(t)
	for api, throttle := range map[string]string{"web": "7/s burst 70", "mobile": "3/s burst 30"} {
		p := must(usageplan.Parse(api, throttle))
		p.Stages = []usageplan.Stage{{API: api, Name: "prod"}}
		_, err := f.plans.Create(t.Context(), p)
		require.NoError(t, err)
	}
	f.plan("org", "9/s burst 90")
	_, err := f.groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: "org"})
	require.NoError(t, err)
	f.key(apikey.Key{ID: "k", GroupID: "acme"}, "web", "mobile")
	_, table, _ := strings.Cut(f.get("/usage/keys/k"), "Throttles now")
	table, _, _ = strings.Cut(table, "</table>")
	for _, want := range []string{"70 of 70", "30 of 30", "90 of 90"} {
		require.Equal(t, 1, strings.Count(table, want), want)
	}
	for _, plan := range []string{"web", "mobile", "org"} {
		require.Equal(t, 1, strings.Count(table, "by the plan <bdi>"+plan+"</bdi>"), plan)
	}
}

// TestRefusedBehindSoft checks that the overview lists a refused key, although soft
// limits would have refused many keys since.
func TestRefusedBehindSoft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.plan("none", "unlimited", "0/day")
		f.plan("soft", "unlimited", "0/day soft")
		require.Equal(t, gate.NeverFits, f.reason(f.key(apikey.Key{ID: "refused", Name: "Web shop"}, "none")))
		for i := range 9 {
			time.Sleep(time.Second)
			require.Equal(t, gate.Admitted, f.reason(f.key(apikey.Key{ID: fmt.Sprint("soft-", i)}, "soft")))
		}
		require.Contains(t, f.get("/usage/"), "Web shop")
	})
}
