package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestMove moves a key to a larger plan, and to a smaller one. What was used stays.
func TestMove(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "2/day")
	f.plan("silver", "unlimited", "3/day")
	secret := f.key(apikey.Key{ID: "k", Name: "Web shop"}, "gold")
	require.Contains(t, f.get("/usage/keys/k"), `href="/usage/keys/k/move?plan=gold"`)
	for _, want := range []gate.Reason{gate.Admitted, gate.Admitted, gate.QuotaExceeded} {
		require.Equal(t, want, f.reason(secret))
	}
	move := func(from, to string) {
		t.Helper()
		status, page, header := f.post("/usage/keys/k/move?plan="+from, "/usage/keys/k/move", fields{"to": to})
		require.Equal(t, http.StatusSeeOther, status, page)
		require.Equal(t, "/usage/keys/k?done=moved", header.Get("Location"))
		require.Contains(t, f.get(header.Get("Location")), "The key has the other plan now")
	}
	move("gold", "silver")
	require.Contains(t, f.get("/usage/keys/k"), "2 of 3")
	require.Equal(t, gate.Admitted, f.reason(secret))
	require.Equal(t, gate.QuotaExceeded, f.reason(secret))
	move("silver", "gold")
	require.Contains(t, f.get("/usage/keys/k"), "3 of 2")
	require.Equal(t, gate.QuotaExceeded, f.reason(secret))
	require.Equal(t, []string{"page ada move k/gold/silver", "page ada move k/silver/gold"}, f.changes())
}

// TestMoveFaults checks what is said of moves that do not fit, and that they change
// nothing.
func TestMoveFaults(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "2/day")
	for _, id := range []string{"web", "mobile"} {
		p := must(usageplan.Parse(id, "unlimited", "2/day"))
		p.Stages = []usageplan.Stage{{API: id, Name: "prod"}}
		_, err := f.plans.Create(t.Context(), p)
		require.NoError(t, err)
	}
	twin := must(usageplan.Parse("twin", "unlimited", "2/day"))
	twin.Stages = []usageplan.Stage{{API: "mobile", Name: "prod"}}
	_, err := f.plans.Create(t.Context(), twin)
	require.NoError(t, err)
	f.key(apikey.Key{ID: "k"}, "gold", "web", "mobile")
	for _, c := range []struct {
		key    string
		filled fields
		status int
		want   string
	}{
		{"k", fields{"to": "none"}, 422, "There is no such plan"},
		{"k", fields{"to": ""}, 422, "There is no such plan"},
		{"k", fields{"to": "mobile"}, 422, "linked to this plan already"},
		{"k", fields{"to": "twin"}, 422, "a plan for the same stage already"},
		{"k", fields{"plan": "twin", "to": "gold"}, 409, "The key does not have the plan"},
		{"nobody", fields{"to": "gold"}, 404, "There is no such"},
	} {
		status, page, _ := f.post("/usage/keys/k/move?plan=web", "/usage/keys/"+c.key+"/move", c.filled)
		require.Equal(t, c.status, status, "%v: %s", c.filled, page)
		require.Contains(t, page, c.want)
	}
	status, page, _ := f.send("GET", "/usage/keys/k/move?plan=twin", "", nil)
	require.Equal(t, http.StatusConflict, status, page)
	require.Empty(t, f.changes())
}

// TestMoveTellsOfOwnLimits checks that a form tells of limits that a move drops.
func TestMoveTellsOfOwnLimits(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "2/day")
	f.key(apikey.Key{ID: "k"}, "gold")
	require.NotContains(t, f.get("/usage/keys/k/move?plan=gold"), "own limits")
	_, err := f.plans.UpdateLink(t.Context(), "gold", "k", func(l *usageplan.Link) error {
		l.Quotas = must(usageplan.Parse("x", "unlimited", "9/day")).Quotas
		return nil
	})
	require.NoError(t, err)
	require.Contains(t, f.get("/usage/keys/k/move?plan=gold"), "own limits of the key")
}
