package admin_test

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// backend is a store whose keys and plans may be replaced, for tests of failures.
type backend struct {
	*memory.Store
	keys  apikey.Store
	plans usageplan.Store
}

// fixture is a page over a store in memory. Requests come from ada.
type fixture struct {
	t       *testing.T
	st      *memory.Store
	keys    *apikey.Service
	plans   *usageplan.Service
	groups  *usageplan.Groups
	gate    *gate.Gate
	counts  *observe.Counts
	history *history.History
	page    http.Handler
}

// newFixture returns a page. change may change what New gets.
func newFixture(t *testing.T, change ...func(*admin.Config, *backend)) *fixture {
	t.Helper()
	st := memory.New(memory.Config{})
	b := &backend{Store: st, keys: st, plans: st}
	f := &fixture{t: t, st: st, counts: observe.NewCounts(observe.CountsConfig{}), history: must(history.New(history.NewMemory(history.Bounds{}), history.Config{}))}
	cfg := admin.Config{History: f.history, Counts: f.counts}
	for _, c := range change {
		c(&cfg, b)
	}
	of := usageplan.Config{History: f.history}
	f.keys = must(apikey.NewService(b.keys, apikey.Config{History: f.history}))
	f.groups = must(usageplan.NewGroups(b.keys, st, st, of))
	of.CheckRoute = checkRoute
	f.plans = must(usageplan.NewService(b.keys, b.plans, of))
	f.gate = must(gate.New(b.keys, st, st, gate.Config{Observer: f.counts, History: f.history}))
	t.Cleanup(func() { _ = f.gate.Close() })
	f.page = must(admin.New(f.keys, f.plans, f.groups, f.gate, admin.AuthFunc(func(r *http.Request) (string, bool) {
		name := r.Header.Get("X-User")
		return name, name != ""
	}), cfg))
	return f
}

// checkRoute knows the routes of a service without "GET /wrong". No request for
// "GET /rare" was seen.
func checkRoute(_ usageplan.Stage, route string) (fault string, seen bool) {
	if route == "GET /wrong" {
		return "no router has it", false
	}
	return "", route != "GET /rare"
}

// plan creates a plan with limits in their text forms.
func (f *fixture) plan(id, throttle string, quotas ...string) {
	f.t.Helper()
	_, err := f.plans.Create(f.t.Context(), must(usageplan.Parse(id, throttle, quotas...)))
	require.NoError(f.t, err)
}

// key creates an enabled key, and links it to plans.
func (f *fixture) key(k apikey.Key, plans ...string) apikey.Secret {
	f.t.Helper()
	k.Enabled = true
	k, secret, err := f.keys.Create(f.t.Context(), k)
	require.NoError(f.t, err)
	for _, p := range plans {
		require.NoError(f.t, f.plans.Link(f.t.Context(), p, k.ID))
	}
	return secret
}

// reason returns how the gate decides a request.
func (f *fixture) reason(secret apikey.Secret) gate.Reason {
	f.t.Helper()
	d, err := f.gate.Admit(f.t.Context(), gate.Request{Secret: secret})
	require.NoError(f.t, err)
	return d.Reason
}

// fields are header fields of a request.
type fields map[string]string

// send sends a request of ada.
func (f *fixture) send(method, path, body string, header fields) (status int, text string, answer http.Header) {
	f.t.Helper()
	r := httptest.NewRequest(method, "http://ration.example.com"+path, strings.NewReader(body))
	r.Header.Set("X-User", "ada")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	f.page.ServeHTTP(w, r)
	resp := w.Result()
	page, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return resp.StatusCode, string(page), resp.Header
}

// get returns a page that must be there.
func (f *fixture) get(path string) string {
	f.t.Helper()
	status, text, _ := f.send("GET", path, "", nil)
	require.Equal(f.t, http.StatusOK, status, "%s: %s", path, text)
	return text
}

var (
	inputs    = regexp.MustCompile(`<input [^>]*name="(\w+)"[^>]*>`)
	valueOf   = regexp.MustCompile(` value="([^"]*)"`)
	textareas = regexp.MustCompile(`<textarea [^>]*name="(\w+)"[^>]*>([^<]*)</textarea>`)
	selects   = regexp.MustCompile(`<select [^>]*name="(\w+)"[^>]*>(.*?)</select>`)
	options   = regexp.MustCompile(`<option value="([^"]*)"( selected)?>`)
)

// formFields returns the fields of the form on a page, as a browser sends them if nobody
// fills anything in.
func formFields(page string) fields {
	_, page, _ = strings.Cut(page, `<form method="post"`)
	values := fields{}
	for _, m := range inputs.FindAllStringSubmatch(page, -1) {
		values[m[1]] = ""
		if v := valueOf.FindStringSubmatch(m[0]); v != nil {
			values[m[1]] = html.UnescapeString(v[1])
		}
	}
	for _, m := range textareas.FindAllStringSubmatch(page, -1) {
		values[m[1]] = html.UnescapeString(m[2])
	}
	for _, m := range selects.FindAllStringSubmatch(page, -1) {
		for i, o := range options.FindAllStringSubmatch(m[2], -1) {
			if i == 0 || o[2] != "" {
				values[m[1]] = html.UnescapeString(o[1])
			}
		}
	}
	return values
}

// post loads the form of a page, fills it in, and sends it.
func (f *fixture) post(form, action string, filled fields) (status int, text string, answer http.Header) {
	f.t.Helper()
	values := formFields(f.get(form))
	maps.Copy(values, filled)
	return f.send("POST", action, encode(values), fields{"Origin": "http://ration.example.com", "Sec-Fetch-Site": "same-origin"})
}

func encode(values fields) string {
	v := url.Values{}
	for name, value := range values {
		v.Set(name, value)
	}
	return v.Encode()
}

// changes returns what the history has, the oldest first, such as "page ada disable k".
func (f *fixture) changes() (list []string) {
	f.t.Helper()
	entries, _, err := f.history.List(f.t.Context(), history.Filter{}, "", 100)
	require.NoError(f.t, err)
	for i := len(entries) - 1; i >= 0; i-- {
		e := &entries[i]
		if e.Actor.Kind != "" {
			list = append(list, e.Actor.String()+" "+e.Action+" "+e.ID)
		}
	}
	return list
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// day is a day of a quota.
const day = 24 * time.Hour
