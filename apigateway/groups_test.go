package apigateway_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// families is a harness with a group acme, which has the plan org, and two groups below
// it. The protocol knows none of these.
type families struct {
	*harness
	groups *usageplan.Groups
}

func newFamilies(t *testing.T) *families {
	h := newHarness(t)
	f := &families{h, must(usageplan.NewGroups(h.st, h.st, h.st, usageplan.Config{Units: units}))}
	_, err := h.plans.Create(t.Context(), usageplan.Plan{ID: "org", Name: "org", Quotas: perMonth(10)})
	require.NoError(t, err)
	for _, g := range []usageplan.Group{
		{ID: "acme", Name: "Acme", PlanID: "org", Quotas: perMonth(12)},
		{ID: "search", ParentID: "acme"}, {ID: "help", ParentID: "acme", PlanID: "org", Throttle: &limiter.Limit{Rate: 5, Burst: 5}},
	} {
		_, err := f.groups.Create(t.Context(), g)
		require.NoError(t, err)
	}
	return f
}

func perMonth(n int64) []quota.Quota { return []quota.Quota{{Limit: n, Period: quota.Month}} }

// key creates a key in a group.
func (f *families) key(id, group string) apikey.Secret {
	f.t.Helper()
	_, secret, err := f.keys.Create(f.t.Context(), apikey.Key{ID: id, Name: id, GroupID: group, Enabled: true})
	require.NoError(f.t, err)
	return secret
}

// stored returns all groups, and the key with an ID, as the store has them.
func (f *families) stored(keyID string) (groups []usageplan.Group, k apikey.Key) {
	f.t.Helper()
	for g, err := range f.groups.All(f.t.Context(), usageplan.GroupFilter{}) {
		require.NoError(f.t, err)
		groups = append(groups, g)
	}
	k, err := f.keys.Get(f.t.Context(), keyID)
	require.NoError(f.t, err)
	return groups, k
}

// TestGroupsStay changes keys and plans in every way that the protocol has. The group of
// the key and the groups with the plan stay as they are.
func TestGroupsStay(t *testing.T) {
	f := newFamilies(t)
	secret := f.key("crawler", "search")
	before, _ := f.stored("crawler")
	file := "name,key,enabled\nrenamed," + string(secret) + ",true\n"
	for _, step := range []struct {
		status     int
		what, body string
	}{
		{200, "PATCH /apikeys/crawler", patch("replace /name other", "replace /customerId c", "replace /description d", "add /stages pets/prod")},
		{200, "PATCH /apikeys/crawler", patch("replace /enabled false")},
		{200, "PATCH /apikeys/crawler", patch("replace /enabled true")},
		{201, "POST /apikeys?mode=import&format=csv", file},
		{204, "PUT /tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fapikeys%2Fcrawler", `{"tags": {"a": "b"}}`},
		{201, "POST /usageplans/org/keys", `{"keyId": "crawler", "keyType": "API_KEY"}`},
		{200, "PATCH /usageplans/org", patch("replace /name other", "replace /quota/limit 20", "replace /throttle/rateLimit 5", "replace /throttle/burstLimit 5")},
		{200, "PATCH /usageplans/org", patch("replace /quota/period DAY")},
		{204, "PUT /tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fusageplans%2Forg", `{"tags": {"a": "b"}}`},
		{200, "PATCH /usageplans/org/keys/crawler/usage", patch("replace /remaining 5")},
		{202, "DELETE /usageplans/org/keys/crawler", ""},
	} {
		f.ok(step.status, step.what, step.body)
		groups, k := f.stored("crawler")
		require.Equal(t, "search", k.GroupID, step.what)
		require.Equal(t, before, groups, step.what)
	}
	f.ok(400, "PATCH /apikeys/crawler", patch("replace /groupId help"))
	f.ok(202, "DELETE /apikeys/crawler", "")
	require.NoError(t, f.groups.Delete(t.Context(), "search"), "nothing is in it any more")
}

// TestGroupsAreNotShown checks that no answer has anything of groups, and that a key
// without a link is in no plan's list.
func TestGroupsAreNotShown(t *testing.T) {
	f := newFamilies(t)
	f.key("crawler", "search")
	f.key("ranker", "search")
	f.ok(201, "POST /usageplans/org/keys", `{"keyId": "crawler", "keyType": "API_KEY"}`)
	items := func(what string) (ids []string) {
		for _, item := range f.ok(200, what, "").body["item"].([]any) {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		return ids
	}
	require.Equal(t, []string{"crawler"}, items("GET /usageplans/org/keys"))
	require.Equal(t, []string{"org"}, items("GET /usageplans?keyId=crawler"))
	require.Empty(t, items("GET /usageplans?keyId=ranker"))
	require.Equal(t, []string{"ranker", "crawler"}, items("GET /apikeys"))
	require.Equal(t, []string{"org"}, items("GET /usageplans"))
	usage := f.ok(200, "GET /usageplans/org/usage?startDate=2026-01-01&endDate=2026-01-01", "").body["values"].(map[string]any)
	require.Len(t, usage, 1)
	require.Contains(t, usage, "crawler")

	for _, what := range []string{"GET /apikeys/ranker", "GET /apikeys", "GET /usageplans/org", "GET /usageplans", "GET /usageplans/org/keys"} {
		text := strings.ToLower(f.raw(what, ""))
		for _, word := range []string{"group", "search", "acme"} {
			require.NotContains(t, text, word, what)
		}
	}
}

// TestUsageInGroups checks that GetUsage and UpdateUsage are about the key's own use and
// quota, while the quota of its group has another number left.
func TestUsageInGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamilies(t)
		_, err := f.plans.Create(t.Context(), usageplan.Plan{ID: "key", Name: "key", Quotas: perMonth(8)})
		require.NoError(t, err)
		secrets := map[string]apikey.Secret{}
		for _, id := range []string{"app", "batch"} {
			secrets[id] = f.key(id, "search")
			f.ok(201, "POST /usageplans/key/keys", fmt.Sprintf(`{"keyId": %q, "keyType": "API_KEY"}`, id))
		}
		left := func() int64 {
			windows, err := f.gate.GroupUsageByWindow(t.Context(), "acme", "month", 1)
			require.NoError(t, err)
			return windows[0].Remaining
		}
		require.Equal(t, 5, f.use(secrets["app"], 6, 1))
		require.Equal(t, 3, f.use(secrets["batch"], 3, 0))
		require.Equal(t, "[[5 3]]", f.pairs("key", "app", "", ""))
		require.Equal(t, "[[3 5]]", f.pairs("key", "batch", "", ""))
		require.EqualValues(t, 4, left())

		f.ok(200, "PATCH /usageplans/key/keys/app/usage", patch("replace /remaining 20"))
		require.Equal(t, "[[5 20]]", f.pairs("key", "app", "", ""))
		require.EqualValues(t, 4, left(), "an extension of the key is none of its group")
		require.Equal(t, 4, f.use(secrets["app"], 9, 0), "the group has 4 left")
		require.Equal(t, "[[9 16]]", f.pairs("key", "app", "", ""))

		_, err = f.groups.MoveKey(t.Context(), "app", "")
		require.NoError(t, err)
		require.Equal(t, "[[9 16]]", f.pairs("key", "app", "", ""), "the use moves along")
		require.Equal(t, 1, f.use(secrets["app"], 1, 0))
	})
}

// TestDeletePlanOfGroup checks the answer for a plan that a group has. A plan that only
// keys have is deleted.
func TestDeletePlanOfGroup(t *testing.T) {
	f := newFamilies(t)
	refused := func(because string) {
		t.Helper()
		a := f.ok(400, "DELETE /usageplans/org", "")
		require.Equal(t, "BadRequestException", a.header.Get("X-Amzn-Errortype"))
		require.Equal(t, "delete plan org: "+because+": in use", a.text("message"))
	}
	refused("group help has it")
	_, err := f.groups.Update(t.Context(), "help", func(g *usageplan.Group) error { g.PlanID, g.Throttle = "", nil; return nil })
	require.NoError(t, err)
	refused("group acme has it")
	_, err = f.groups.Update(t.Context(), "acme", func(g *usageplan.Group) error { g.PlanID, g.Quotas = "", nil; return nil })
	require.NoError(t, err)
	f.ok(202, "DELETE /usageplans/org", "")
}

// TestMissingGroup checks the answers about a key in a group that does not exist. It is
// refused, and nobody knows where its use is counted.
func TestMissingGroup(t *testing.T) {
	f := newFamilies(t)
	lost, good := f.key("lost", "elsewhere"), f.key("good", "search")
	for _, id := range []string{"lost", "good"} {
		f.ok(201, "POST /usageplans/org/keys", fmt.Sprintf(`{"keyId": %q, "keyType": "API_KEY"}`, id))
	}
	d, err := f.gate.Admit(t.Context(), gate.Request{Secret: lost})
	require.NoError(t, err)
	require.Equal(t, gate.NoGroup, d.Reason)
	require.Equal(t, 1, f.use(good, 1, 0))

	usage := f.ok(200, "GET /usageplans/org/usage?startDate=2026-01-01&endDate=2026-01-01", "").body["values"].(map[string]any)
	require.Len(t, usage, 1)
	require.Contains(t, usage, "good")
	a := f.ok(404, "PATCH /usageplans/org/keys/lost/usage", patch("replace /remaining 5"))
	require.Equal(t, "group elsewhere: not found", a.text("message"))
}

// noUpdate is a store of keys that cannot change one.
type noUpdate struct{ apikey.Store }

func (noUpdate) UpdateKey(context.Context, apikey.Key) error { return errors.New("broken") }

// TestUsageAfterInterruptedMove interrupts the move of a key between two families. The
// usage of its plan, and of the key, can still be read and set.
func TestUsageAfterInterruptedMove(t *testing.T) {
	f := newFamilies(t)
	f.key("crawler", "search")
	f.key("other", "")
	_, err := f.plans.Create(t.Context(), usageplan.Plan{ID: "pro", Name: "pro", Quotas: perMonth(10)})
	require.NoError(t, err)
	for _, id := range []string{"crawler", "other"} {
		f.ok(201, "POST /usageplans/pro/keys", `{"keyId": "`+id+`", "keyType": "API_KEY"}`)
		_, err := f.gate.Admit(t.Context(), gate.Request{KeyID: id})
		require.NoError(t, err)
	}
	broken := must(usageplan.NewGroups(noUpdate{f.st}, f.st, f.st, usageplan.Config{Units: units}))
	_, err = broken.MoveKey(t.Context(), "crawler", "")
	require.Error(t, err)
	f.ok(200, "PATCH /usageplans/pro/keys/crawler/usage", patch("replace /remaining 5"))
	f.ok(200, "GET /usageplans/pro/usage?startDate=2026-01-01&endDate=2026-01-01", "")
}
