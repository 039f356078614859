package admin_test

import (
	"html"
	"maps"
	"net/http"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

var shownSecret = regexp.MustCompile(`id="secret"[^>]* value="([^"]+)"`)

// secretOn returns the secret that a page shows, or nothing.
func secretOn(page string) apikey.Secret {
	m := shownSecret.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return apikey.Secret(m[1])
}

// TestCreate checks that a new key works at once, and that its secret is in the answer to
// the form only.
func TestCreate(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "5/day")
	_, err := f.groups.Create(t.Context(), usageplan.Group{ID: "acme"})
	require.NoError(t, err)
	form := f.get("/usage/new-key?plan=gold")
	require.Contains(t, form, `<option value="gold" selected>`)
	values := formFields(form)
	maps.Copy(values, fields{"name": "Web shop", "customer": "c1", "group": "acme", "plan": "gold", "description": "One\nTwo", "expires": "2999-12-31"})
	status, page, header := f.send("POST", "/usage/new-key", encode(values), nil)
	require.Equal(t, http.StatusOK, status, page)
	require.Equal(t, "no-store", header.Get("Cache-Control"))
	secret := secretOn(page)
	require.NoError(t, f.keys.KeyFormat().Check(string(secret)))
	require.Equal(t, gate.Admitted, f.reason(secret))

	k, err := f.keys.GetBySecret(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, []string{"Web shop", "c1", "acme", "One\nTwo"}, []string{k.Name, k.CustomerID, k.GroupID, k.Description})
	require.Equal(t, time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), k.Expires)
	require.Equal(t, []string{"page ada create " + k.ID, "page ada link " + k.ID + "/gold"}, f.changes())

	for _, path := range []string{"/usage/", "/usage/keys", "/usage/keys/" + k.ID, "/usage/changes", "/usage/plans/gold", "/usage/groups/acme"} {
		require.NotContains(t, f.get(path), string(secret), path)
	}
	status, page, _ = f.send("POST", "/usage/new-key", encode(values), nil) // the browser's reload
	require.Equal(t, http.StatusConflict, status)
	require.Empty(t, secretOn(page))
	require.Len(t, f.changes(), 2, "the form was sent twice, and made one key")
}

// TestCreateFaults checks that a form with faults comes back with them, and makes no key.
func TestCreateFaults(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited")
	for _, c := range []struct {
		filled fields
		want   string
	}{
		{fields{"expires": "soon"}, "want a day such as 2026-12-31"},
		{fields{"expires": "2020-02-02"}, "want a day that is not over"},
		{fields{"plan": "silver"}, "there is no plan &#34;silver&#34;"},
		{fields{"group": "acme"}, "there is no group &#34;acme&#34;"},
		{fields{"name": "a\x00b"}, "name"},
		{fields{"id": ""}, "id: &#34;&#34;: want 1 to 64"},
		{fields{"id": "../../x"}, "id"},
	} {
		c.filled["description"] = "still here"
		status, page, _ := f.post("/usage/new-key", "/usage/new-key", c.filled)
		require.Equal(t, http.StatusUnprocessableEntity, status, "%v", c.filled)
		require.Contains(t, page, c.want)
		require.Contains(t, page, "still here", "what was typed stays")
	}
	require.Empty(t, f.changes())
}

// TestCreateAllFaults checks that a form comes back with all its faults at once, and with
// no line that says nothing.
func TestCreateAllFaults(t *testing.T) {
	f := newFixture(t)
	filled := fields{
		"id": "a/b", "name": "a\x00b", "expires": "9999-12-31", "networks": "192.0.2.300\n10.0.0.0/99", "scopes": "a*b", "plan": "silver", "group": "acme",
	}
	status, page, _ := f.post("/usage/new-key", "/usage/new-key", filled)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	page = html.UnescapeString(page)
	for _, want := range []string{
		`id: "a/b"`, `name: "a\x00b"`, "expires: want a day before 9999-12-31", `networks: "192.0.2.300"`, `networks: "10.0.0.0/99"`, `scopes[0]: "a*b"`,
		`plan: there is no plan "silver"`, `group: there is no group "acme"`,
	} {
		require.Contains(t, page, want)
	}
	require.NotContains(t, page, "the form has a fault")
	require.Empty(t, f.changes())
}

// TestActions goes through the actions on a key, as a timeline.
func TestActions(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "3/day")
	f.plan("silver", "unlimited", "9/day")
	secret := f.key(apikey.Key{ID: "k", Name: "Web shop"}, "gold")
	for _, step := range []struct {
		form, action string
		filled       fields
		to           string // where the answer leads
		want         gate.Reason
	}{
		{"/keys/k/disable", "/keys/k/disable", nil, "/keys/k?done=disabled", gate.Disabled},
		{"/keys/k", "/keys/k/enable", nil, "/keys/k?done=enabled", gate.Admitted},
		{"/keys/k/extend?plan=gold&quota=day", "/keys/k/extend", fields{"remaining": "0"}, "/keys/k?done=extended", gate.QuotaExceeded},
		{"/keys/k/extend?plan=gold&quota=day", "/keys/k/extend", fields{"remaining": "1,000"}, "/keys/k?done=extended", gate.Admitted},
		{"/keys/k/unlink?plan=gold", "/keys/k/unlink", nil, "/keys/k?done=unlinked", gate.NoPlan},
		{"/keys/k/link", "/keys/k/link", fields{"plan": "silver"}, "/keys/k?done=linked", gate.Admitted},
	} {
		status, page, header := f.post("/usage"+step.form, "/usage"+step.action, step.filled)
		require.Equal(t, http.StatusSeeOther, status, "%s: %s", step.action, page)
		require.Equal(t, "/usage"+step.to, header.Get("Location"))
		require.Contains(t, f.get(header.Get("Location")), `role="status"`)
		require.Equal(t, step.want, f.reason(secret), step.action)
	}
	require.Equal(t, []string{
		"page ada disable k", "page ada enable k", "page ada extend k/gold/day", "page ada extend k/gold/day", "page ada unlink k/gold", "page ada link k/silver",
	}, f.changes())
	require.Contains(t, f.get("/usage/changes?id=k"), "unlink")
}

// TestActionFaults checks what is said of actions that do not fit, and that they change
// nothing.
func TestActionFaults(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "3/day")
	f.plan("silver", "unlimited", "3/day")
	f.key(apikey.Key{ID: "k"}, "gold")
	for _, c := range []struct {
		form, action string
		filled       fields
		status       int
		want         string
	}{
		{"/keys/k/link", "/keys/k/link", fields{"plan": "gold"}, 422, "linked to this plan already"},
		{"/keys/k/link", "/keys/k/link", fields{"plan": "silver"}, 422, "Unlink that one first"},
		{"/keys/k/link", "/keys/k/link", fields{"plan": "bronze"}, 422, "There is no such plan"},
		{"/keys/k/link", "/keys/nobody/link", fields{"plan": "gold"}, 404, "There is no such"},
		{"/keys/k/extend?plan=gold&quota=day", "/keys/k/extend", fields{"remaining": "-1"}, 422, "Want a whole number"},
		{"/keys/k/extend?plan=gold&quota=day", "/keys/k/extend", fields{"remaining": "many"}, 422, "Want a whole number"},
		{"/keys/k/extend?plan=gold&quota=day", "/keys/k/extend", fields{"remaining": "9007199254740992"}, 422, "Want a whole number"},
		{"/keys/k/extend?plan=gold&quota=day", "/keys/k/extend", fields{"remaining": "1", "quota": "week"}, 404, "There is no such"},
		{"/keys/k/unlink?plan=gold", "/keys/k/unlink", fields{"plan": "silver"}, 404, "There is no such"},
		{"/keys/k/rotate", "/keys/k/rotate", fields{"version": "9", "grace": "0"}, 409, "was changed since"},
		{"/keys/k/rotate", "/keys/k/rotate", fields{"grace": "1000000h"}, 400, "no time"},
		{"/keys/k/disable", "/keys/nobody/disable", nil, 404, "There is no such"},
	} {
		status, page, _ := f.post("/usage"+c.form, "/usage"+c.action, c.filled)
		require.Equal(t, c.status, status, "%s %v: %s", c.action, c.filled, page)
		require.Contains(t, page, c.want)
	}
	require.Empty(t, f.changes())
}

// TestRotate checks that the new secret is shown once, that the old one ends after its
// grace, and that a form that is sent twice rotates once.
func TestRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.plan("gold", "unlimited", "99/day")
		old := f.key(apikey.Key{ID: "k"}, "gold")
		values := formFields(f.get("/usage/keys/k/rotate"))
		values["grace"] = "1h"
		status, page, header := f.send("POST", "/usage/keys/k/rotate", encode(values), nil)
		require.Equal(t, http.StatusOK, status, page)
		require.Equal(t, "no-store", header.Get("Cache-Control"))
		secret := secretOn(page)
		require.NotEmpty(t, secret)

		status, page, _ = f.send("POST", "/usage/keys/k/rotate", encode(values), nil)
		require.Equal(t, http.StatusConflict, status)
		require.Empty(t, secretOn(page))

		require.Equal(t, gate.Admitted, f.reason(secret))
		require.Equal(t, gate.Admitted, f.reason(old))
		require.Contains(t, f.get("/usage/keys/k"), "Previous secret")
		require.Contains(t, f.get("/usage/keys/k/rotate"), "It ends at once")
		time.Sleep(2 * time.Hour)
		require.Equal(t, gate.Admitted, f.reason(secret))
		require.Equal(t, gate.Unknown, f.reason(old))
		require.Equal(t, []string{"page ada rotate k"}, f.changes())
	})
}

// TestExtendGroup checks that what is left for a group can be set.
func TestExtendGroup(t *testing.T) {
	f := newFixture(t)
	f.plan("org", "unlimited", "1/day")
	_, err := f.groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: "org"})
	require.NoError(t, err)
	secret := f.key(apikey.Key{ID: "k", GroupID: "acme"})
	require.Equal(t, gate.Admitted, f.reason(secret))
	require.Equal(t, gate.QuotaExceeded, f.reason(secret))
	status, page, _ := f.post("/usage/groups/acme/extend?plan=org&quota=day", "/usage/groups/acme/extend", fields{"remaining": "x"})
	require.Equal(t, http.StatusUnprocessableEntity, status, page)
	status, page, header := f.post("/usage/groups/acme/extend?plan=org&quota=day", "/usage/groups/acme/extend", fields{"remaining": "5"})
	require.Equal(t, http.StatusSeeOther, status, page)
	require.Equal(t, "/usage/groups/acme?done=extended", header.Get("Location"))
	require.Equal(t, gate.Admitted, f.reason(secret))
	require.Contains(t, f.get("/usage/groups/acme"), "4 left until")
}

// TestChangeOfLink checks how a page tells of a link: it does not say "link" twice.
func TestChangeOfLink(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited")
	f.key(apikey.Key{ID: "k"})
	_, _, _ = f.post("/usage/keys/k/link", "/usage/keys/k/link", fields{"plan": "gold"})
	_, _, _ = f.post("/usage/keys/k/unlink?plan=gold", "/usage/keys/k/unlink", nil)
	page := f.get("/usage/changes")
	for _, want := range []string{"<strong>link</strong> <a", "<strong>unlink</strong> <a", "<strong>create</strong> key <a", " of link k/gold at "} {
		require.Contains(t, page, want)
	}
}
