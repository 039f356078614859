package admin_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// forms are all forms of the pages: the page that has the form, its action, and the
// fields that a person fills in.
var forms = []struct {
	page, action string
	filled       fields
	shows        bool // the answer is a page with a secret, and no redirect
}{
	{"/usage/new-key", "/usage/new-key", fields{
		"name": "n", "description": "d", "customer": "c", "group": "acme", "plan": "gold", "expires": "2999-12-31", "scopes": "a", "networks": "192.0.2.1",
	}, true},
	{"/usage/keys/k/disable", "/usage/keys/k/disable", nil, false},
	{"/usage/keys/k", "/usage/keys/k/enable", nil, false},
	{"/usage/keys/k/rotate", "/usage/keys/k/rotate", fields{"grace": "24h"}, true},
	{"/usage/keys/k/restrict", "/usage/keys/k/restrict", fields{"scopes": "b", "networks": "192.0.2.2"}, false},
	{"/usage/keys/new/link", "/usage/keys/new/link", fields{"plan": "free"}, false},
	{"/usage/keys/k/move?plan=gold", "/usage/keys/k/move", fields{"to": "free"}, false},
	{"/usage/keys/k/unlink?plan=gold", "/usage/keys/k/unlink", nil, false},
	{"/usage/keys/k/extend?plan=gold&quota=day", "/usage/keys/k/extend", fields{"remaining": "3"}, false},
	{"/usage/groups/acme/extend?plan=gold&quota=day", "/usage/groups/acme/extend", fields{"remaining": "3"}, false},
	{"/usage/audit", "/usage/audit", nil, false},
}

// newForms returns a page that has what the forms need: a key with scopes, networks and a
// plan, a new key, and a group with a plan. No history tells of the preparation.
func newForms(t *testing.T) *fixture {
	f := newFixture(t)
	f.plan("gold", "unlimited", "5/day")
	f.plan("free", "unlimited", "1/week")
	_, err := f.groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: "gold"})
	require.NoError(t, err)
	f.key(apikey.Key{ID: "new"})
	f.key(apikey.Key{ID: "k", Scopes: []string{"a"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, "gold")
	return f
}

// TestIncompleteForms sends each form without each of its fields, and with each of them
// twice. A missing field is no empty field: nothing changes.
func TestIncompleteForms(t *testing.T) {
	for _, form := range forms {
		f := newForms(t)
		if form.action == "/usage/keys/k/enable" {
			_, err := f.keys.Disable(t.Context(), "k")
			require.NoError(t, err)
		}
		values := url.Values{}
		for name, value := range formFields(f.get(form.page)) {
			values.Set(name, value)
		}
		for name, value := range form.filled {
			values.Set(name, value)
		}
		before, err := f.keys.Get(t.Context(), "k")
		require.NoError(t, err)
		post := func(v url.Values) (int, string) {
			status, page, _ := f.send("POST", form.action, v.Encode(), fields{"Origin": "http://ration.example.com"})
			return status, page
		}
		for name := range values {
			for what, list := range map[string][]string{"missing": nil, "twice": {values.Get(name), values.Get(name)}, "two values": {values.Get(name), "x"}} {
				broken := url.Values{}
				for n, v := range values {
					broken[n] = slices.Clone(v)
				}
				broken[name] = list
				status, page := post(broken)
				want := http.StatusBadRequest
				if name == "token" && list == nil {
					want = http.StatusForbidden
				}
				require.Equal(t, want, status, "%s: %s %s: %s", form.action, name, what, page)
				require.NotContains(t, page, "secret\"", form.action)
			}
		}
		after, err := f.keys.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, before, after, form.action)
		require.Empty(t, f.changes(), form.action)
		if form.action != "/usage/audit" {
			require.Contains(t, f.get("/usage/audit"), "No audit has run")
		}
		status, page := post(values)
		want := http.StatusSeeOther
		if form.shows {
			want = http.StatusOK
		}
		require.Equal(t, want, status, "%s: the whole form: %s", form.action, page)
	}
}

// TestExtendOtherPlan checks that a form for a quota of a group changes nothing if the
// group has another plan by now, which has a quota of the same name.
func TestExtendOtherPlan(t *testing.T) {
	f := newForms(t)
	f.plan("silver", "unlimited", "9/day")
	const path = "/usage/groups/acme/extend"
	body := f.formOf(path+"?plan=gold&quota=day", fields{"remaining": "0"})
	_, err := f.groups.Update(t.Context(), "acme", func(g *usageplan.Group) error { g.PlanID = "silver"; return nil })
	require.NoError(t, err)
	status, page, _ := f.send("POST", path, body, nil)
	require.Equal(t, http.StatusNotFound, status, page)
	require.Contains(t, f.get("/usage/groups/acme"), "9 left until")
}

// TestWrongPlans checks what people are told of a plan that a key does not have, and of
// one that cannot exist.
func TestWrongPlans(t *testing.T) {
	f := newForms(t)
	for _, plan := range []string{"free", "none", "", "%00", "gold/../x", "<b>"} {
		status, page, _ := f.send("GET", "/usage/keys/k/unlink?plan="+url.QueryEscape(plan), "", nil)
		require.Equal(t, http.StatusConflict, status, plan)
		require.NotContains(t, page, "<form", plan)
		if plan == "free" {
			continue
		}
		status, page, _ = f.post("/usage/keys/new/link", "/usage/keys/new/link", fields{"plan": plan})
		require.Equal(t, http.StatusUnprocessableEntity, status, plan)
		require.Contains(t, page, "There is no such plan.", plan)
	}
}
