package middleware_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// refusedBody has the members of a problem that are about limits.
type refusedBody struct {
	Type, Title, Detail string
	Violated            []string          `json:"violated-policies"`
	Limits              []json.RawMessage // of a payer each
}

// readProblem returns the problem of an answer.
func readProblem(t *testing.T, w *httptest.ResponseRecorder) (body refusedBody) {
	t.Helper()
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), w.Body.String())
	return body
}

// TestShowGroups uses up the limits of a key, its team and its organisation. The fields
// show all of them, and a refusal names those that refused. The bubble begins with a day,
// a month and a leap year.
func TestShowGroups(t *testing.T) {
	const share = "A limit that all keys of your organisation or team share "
	type step struct {
		after                    time.Duration
		status                   int
		policy, limits, retry    string
		typ, detail              string
		violated                 []string
		refused                  []string
		xLimit, xRemaining, xEnd string
	}
	const quotaType = "https://iana.org/assignments/http-problem-types#quota-exceeded"
	for name, c := range map[string]struct {
		key, team, org *usageplan.Plan
		steps          []step
	}{
		"each has limits": {
			key:  &usageplan.Plan{Quotas: perDay(2)},
			team: &usageplan.Plan{Throttle: throttle(0.01, 3), Quotas: []quota.Quota{{Limit: 9, Period: quota.Day, Name: `the "x" \y`}}},
			org:  &usageplan.Plan{Quotas: perMonth(4)},
			steps: []step{
				{status: 200, policy: `"day";q=2;w=86400, "team/throttle";q=3;w=300, "team/the \"x\" \\y";q=9;w=86400, "acme/month";q=4`,
					limits: `"day";r=1;t=86400, "team/throttle";r=2;t=100, "team/the \"x\" \\y";r=8;t=86400, "acme/month";r=3;t=2678400`,
					xLimit: "2", xRemaining: "1", xEnd: "86400"},
				{status: 200, policy: `"day";q=2;w=86400, "team/throttle";q=3;w=300, "team/the \"x\" \\y";q=9;w=86400, "acme/month";q=4`,
					limits: `"day";r=0;t=86400, "team/throttle";r=1;t=100, "team/the \"x\" \\y";r=7;t=86400, "acme/month";r=2;t=2678400`,
					xLimit: "2", xRemaining: "0", xEnd: "86400"},
				{status: 429, retry: "86400",
					policy: `"day";q=2;w=86400, "team/throttle";q=3;w=300, "team/the \"x\" \\y";q=9;w=86400, "acme/month";q=4`,
					limits: `"day";r=0;t=86400, "team/throttle";r=1, "team/the \"x\" \\y";r=7, "acme/month";r=2`,
					typ:    quotaType, detail: "A limit of the plan is reached. Try again in 86400 s.",
					violated: []string{"day"}, refused: []string{`{"payer":"key","limit":"day"}`},
					xLimit: "2", xRemaining: "0", xEnd: "86400"},
				{after: 24 * time.Hour, status: 200, policy: `"day";q=2;w=86400, "team/throttle";q=3;w=300, "team/the \"x\" \\y";q=9;w=86400, "acme/month";q=4`,
					limits: `"day";r=1;t=86400, "team/throttle";r=2;t=100, "team/the \"x\" \\y";r=8;t=86400, "acme/month";r=1;t=2592000`,
					xLimit: "4", xRemaining: "1", xEnd: "2592000"},
			},
		},
		"the groups refuse": {
			key:  &usageplan.Plan{Quotas: perDay(9)},
			team: &usageplan.Plan{Throttle: throttle(0.01, 1)},
			org:  &usageplan.Plan{Quotas: perMonth(1)},
			steps: []step{
				{status: 200, policy: `"day";q=9;w=86400, "team/throttle";q=1;w=100, "acme/month";q=1`,
					limits: `"day";r=8;t=86400, "team/throttle";r=0;t=100, "acme/month";r=0;t=2678400`,
					xLimit: "1", xRemaining: "0", xEnd: "2678400"},
				{status: 429, retry: "2678400", policy: `"day";q=9;w=86400, "team/throttle";q=1;w=100, "acme/month";q=1`,
					limits: `"day";r=8, "team/throttle";r=0;t=100, "acme/month";r=0;t=2678400`,
					typ:    quotaType, detail: share + "is reached. Try again in 2678400 s.",
					violated: []string{"team/throttle", "acme/month"},
					refused:  []string{`{"payer":"group","id":"team","limit":"throttle"}`, `{"payer":"group","id":"acme","limit":"month"}`},
					xLimit:   "1", xRemaining: "0", xEnd: "2678400"},
			},
		},
		"the key and its organisation refuse": {
			key: &usageplan.Plan{Quotas: perDay(1)},
			org: &usageplan.Plan{Quotas: perMonth(1)},
			steps: []step{
				{status: 200, policy: `"day";q=1;w=86400, "acme/month";q=1`, limits: `"day";r=0;t=86400, "acme/month";r=0;t=2678400`,
					xLimit: "1", xRemaining: "0", xEnd: "2678400"},
				{status: 429, retry: "2678400", policy: `"day";q=1;w=86400, "acme/month";q=1`,
					limits: `"day";r=0;t=86400, "acme/month";r=0;t=2678400`,
					typ:    quotaType, detail: "A limit of the plan is reached. Try again in 2678400 s.",
					violated: []string{"day", "acme/month"},
					refused:  []string{`{"payer":"key","limit":"day"}`, `{"payer":"group","id":"acme","limit":"month"}`},
					xLimit:   "1", xRemaining: "0", xEnd: "2678400"},
			},
		},
		"a key without a link": {
			org: &usageplan.Plan{Quotas: perMonth(1)},
			steps: []step{
				{status: 200, policy: `"acme/month";q=1`, limits: `"acme/month";r=0;t=2678400`, xLimit: "1", xRemaining: "0", xEnd: "2678400"},
				{status: 429, retry: "2678400", policy: `"acme/month";q=1`, limits: `"acme/month";r=0;t=2678400`,
					typ: quotaType, detail: share + "is reached. Try again in 2678400 s.",
					violated: []string{"acme/month"}, refused: []string{`{"payer":"group","id":"acme","limit":"month"}`},
					xLimit: "1", xRemaining: "0", xEnd: "2678400"},
			},
		},
		"a team that blocks": {
			key:  &usageplan.Plan{Quotas: perDay(9)},
			team: &usageplan.Plan{Throttle: &limiter.Limit{}},
			steps: []step{
				{status: 403, policy: `"day";q=9;w=86400, "team/throttle";q=0`, limits: `"day";r=9, "team/throttle";r=0`,
					typ: "about:blank", detail: share + "can never allow this request.",
					violated: []string{"team/throttle"}, refused: []string{`{"payer":"group","id":"team","limit":"throttle"}`},
					xLimit: "0", xRemaining: "0", xEnd: "0"},
			},
		},
		"only the key has limits": {
			key: &usageplan.Plan{Quotas: perDay(9)},
			steps: []step{
				{status: 200, policy: `"day";q=9;w=86400`, limits: `"day";r=8;t=86400`, xLimit: "9", xRemaining: "8", xEnd: "86400"},
			},
		},
		"nobody has limits": {
			key:   &usageplan.Plan{},
			steps: []step{{status: 200}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t)
				h.group("acme", "", c.org)
				h.group("team", "acme", c.team)
				_, secret := h.keyIn("team", c.key)
				mw := h.middleware(middleware.Config{ShowGroups: true, XRateLimit: middleware.XRateLimitSeconds}).Handler(ok)
				for i, s := range c.steps {
					time.Sleep(s.after)
					w := serve(mw, with(secret))
					require.Equal(t, s.status, w.Code, i)
					get := w.Header().Get
					require.Equal(t, s.policy, get("RateLimit-Policy"), i)
					require.Equal(t, s.limits, get("RateLimit"), i)
					requireList(t, get("RateLimit-Policy"))
					requireList(t, get("RateLimit"))
					require.Equal(t, s.retry, get("Retry-After"), i)
					require.Equal(t, s.xLimit, get("X-RateLimit-Limit"), i)
					require.Equal(t, s.xRemaining, get("X-RateLimit-Remaining"), i)
					require.Equal(t, s.xEnd, get("X-RateLimit-Reset"), i)
					if s.status == 200 {
						continue
					}
					body := readProblem(t, w)
					require.Equal(t, s.typ, body.Type)
					require.Equal(t, s.detail, body.Detail)
					require.Equal(t, s.violated, body.Violated)
					require.Len(t, body.Limits, len(s.refused))
					for i, want := range s.refused {
						require.JSONEq(t, want, string(body.Limits[i]))
					}
				}
			})
		})
	}
}

// requireList checks that a field is a list of structured fields, or empty.
func requireList(t *testing.T, field string) {
	t.Helper()
	if field != "" {
		_, err := parseList(field)
		require.NoError(t, err, field)
	}
}

// TestShownGroupChanges checks that the text of a group's limits is never an old one: it
// changes with the window, with an extension, and with the plan of the group.
func TestShownGroupChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		zone := must(time.LoadLocation("America/Santiago"))
		h.group("acme", "", &usageplan.Plan{Quotas: []quota.Quota{{Limit: 10, Period: quota.Day, Location: zone}}})
		_, one := h.keyIn("acme", &usageplan.Plan{Quotas: perDay(5)})
		_, other := h.keyIn("acme", nil)
		protected := h.middleware(middleware.Config{ShowGroups: true, Free: free}).Handler(ok)
		change := func(limit int64) func(*usageplan.Group) error {
			return func(g *usageplan.Group) error {
				g.Quotas = []quota.Quota{{Limit: limit, Period: quota.Day, Location: zone}}
				return nil
			}
		}
		for _, step := range []struct {
			what  string
			do    func() error
			group string
		}{
			{"at first", func() error { return nil }, `"acme/day";q=10;w=86400`},
			{"an extension", func() error { return h.gate.SetGroupRemaining(t.Context(), "acme", "day", 100) }, `"acme/day";q=100;w=86400`},
			{"an override", func() error { _, err := h.groups.Update(t.Context(), "acme", change(20)); return err }, `"acme/day";q=110;w=86400`},
			{"a day of 25 hours", func() error {
				time.Sleep(time.Until(time.Date(2000, 3, 11, 12, 0, 0, 0, zone)))
				return nil
			}, `"acme/day";q=20;w=90000`},
		} {
			require.NoError(t, step.do())
			for range 2 { // the text of the key's own limits is cached
				require.Equal(t, `"day";q=5;w=86400, `+step.group, serve(protected, with(one)).Header().Get("RateLimit-Policy"), step.what)
				require.Equal(t, step.group, serve(protected, with(other)).Header().Get("RateLimit-Policy"), step.what)
			}
		}
	})
}

// TestShowGroupsInOutage checks that a problem names no policy if the Counter has failed
// and a throttle of this process refuses, since the fields show none.
func TestShowGroupsInOutage(t *testing.T) {
	h := newFixture(t, func(p *parts) { p.Counter = storetest.Faulty(p.Counter, storetest.Fault{Err: errors.New("no answer")}) })
	h.group("acme", "", &usageplan.Plan{Throttle: throttle(0.001, 1)})
	_, secret := h.keyIn("acme", &usageplan.Plan{Throttle: throttle(1, 9)})
	protected := h.middleware(middleware.Config{ShowGroups: true}).Handler(ok)
	require.Equal(t, 200, status(protected, with(secret)))
	w := serve(protected, with(secret))
	require.Equal(t, 429, w.Code)
	require.Empty(t, w.Header().Get("RateLimit-Policy"))
	body := readProblem(t, w)
	require.Nil(t, body.Violated)
	require.Equal(t, "about:blank", body.Type)
	require.Len(t, body.Limits, 1)
	require.JSONEq(t, `{"payer": "group", "id": "acme", "limit": "throttle"}`, string(body.Limits[0]))
}

// TestShowGroupsAllocs checks that ShowGroups costs a key without groups nothing.
func TestShowGroupsAllocs(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Throttle: throttle(1e9, 1e9)})
	allocs := func(show bool) float64 {
		protected := h.middleware(middleware.Config{ShowGroups: show}).Handler(ok)
		r, w := with(secret), &discard{header: http.Header{}}
		protected.ServeHTTP(w, r)
		return testing.AllocsPerRun(1000, func() { protected.ServeHTTP(w, r) })
	}
	require.Equal(t, allocs(false), allocs(true))
}
