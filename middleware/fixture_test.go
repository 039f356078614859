package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// fixture is a whole service over one store.
type fixture struct {
	t     testing.TB
	keys  *apikey.Service
	plans *usageplan.Service
	gate  *gate.Gate

	groups *usageplan.Groups
	store  *memory.Store // of the services
}

// parts are the arguments of gate.New.
type parts struct {
	Keys    apikey.Store
	Plans   usageplan.Store
	Counter store.Counter
	gate.Config
}

func (p parts) gate() (*gate.Gate, error) { return gate.New(p.Keys, p.Plans, p.Counter, p.Config) }

func newFixture(t testing.TB, change ...func(*parts)) *fixture {
	st := memory.New(memory.Config{})
	cfg := parts{Keys: st, Plans: st, Counter: st}
	for _, c := range change {
		c(&cfg)
	}
	g, err := cfg.gate()
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	units := usageplan.Config{Units: cfg.Units}
	return &fixture{
		t, must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}})), must(usageplan.NewService(st, st, units)), g,
		must(usageplan.NewGroups(st, st, st, units)), st,
	}
}

// key returns a new key and its secret. The key is linked to a new plan like p, unless p
// is nil.
func (h *fixture) key(p *usageplan.Plan) (apikey.Key, string) {
	h.t.Helper()
	return h.keyIn("", p)
}

// keyIn is key with the ID of the key's group, which need not exist.
func (h *fixture) keyIn(group string, p *usageplan.Plan) (apikey.Key, string) {
	h.t.Helper()
	k, secret, err := h.keys.Create(h.t.Context(), apikey.Key{Name: "key", GroupID: group, Enabled: true})
	require.NoError(h.t, err)
	if p != nil {
		plan, err := h.plans.Create(h.t.Context(), *p)
		require.NoError(h.t, err)
		require.NoError(h.t, h.plans.Link(h.t.Context(), plan.ID, k.ID))
	}
	return k, string(secret)
}

// group creates a group. It has a new plan like p, unless p is nil.
func (h *fixture) group(id, parent string, p *usageplan.Plan) {
	h.t.Helper()
	g := usageplan.Group{ID: id, ParentID: parent}
	if p != nil {
		plan, err := h.plans.Create(h.t.Context(), *p)
		require.NoError(h.t, err)
		g.PlanID = plan.ID
	}
	_, err := h.groups.Create(h.t.Context(), g)
	require.NoError(h.t, err)
}

func (h *fixture) middleware(cfg middleware.Config) *middleware.Middleware {
	h.t.Helper()
	mw, err := middleware.New(h.gate, cfg)
	require.NoError(h.t, err)
	return mw
}

func perDay(n int64) []quota.Quota { return []quota.Quota{{Limit: n, Period: quota.Day}} }

// inTokens declares the unit tokens.
func inTokens(cfg *parts) { cfg.Units = usageplan.Units{{Name: "tokens"}} }

func tokensPerDay(n int64) []quota.Quota {
	return []quota.Quota{{Limit: n, Unit: "tokens", Period: quota.Day}}
}

// using returns a Config.Costs by which every request uses n of the first unit.
func using(n int64) func(*http.Request) usageplan.Costs {
	return func(*http.Request) usageplan.Costs { return usageplan.Costs{n} }
}

// free is a Config.Free by which every request is free.
func free(*http.Request) bool { return true }

func throttle(perSecond rate.Limit, burst int) *limiter.Limit {
	return &limiter.Limit{Rate: perSecond, Burst: burst}
}

var ok = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})

// request returns a request whose header is given as pairs of names and values.
func request(method, target string, header ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// with returns a GET request with a key.
func with(secret string) *http.Request {
	return request("GET", "/", "Authorization", "Bearer "+secret)
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func status(h http.Handler, r *http.Request) int { return serve(h, r).Code }

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
