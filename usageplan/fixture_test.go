package usageplan_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// fixture holds the services and the Gate of a program, on one store in memory.
type fixture struct {
	t     *testing.T
	st    *memory.Store
	keys  *apikey.Service
	plans *usageplan.Service
	gate  *gate.Gate
}

// parts holds the arguments of gate.New.
type parts struct {
	Keys    apikey.Store
	Plans   usageplan.Store
	Counter store.Counter
	gate.Config
}

func (p parts) gate() (*gate.Gate, error) { return gate.New(p.Keys, p.Plans, p.Counter, p.Config) }

func newFixture(t *testing.T, change ...func(*parts)) *fixture {
	st := memory.New(memory.Config{})
	cfg := parts{Keys: st, Plans: st, Counter: st}
	for _, c := range change {
		c(&cfg)
	}
	g, err := cfg.gate()
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme", AcceptForeign: true}}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{Units: cfg.Units}))
	return &fixture{t, st, keys, plans, g}
}

func (h *fixture) key(name string) (apikey.Key, apikey.Secret) {
	k, secret, err := h.keys.Create(h.t.Context(), apikey.Key{Name: name, Enabled: true})
	require.NoError(h.t, err)
	return k, secret
}

func (h *fixture) plan(p usageplan.Plan) usageplan.Plan {
	p, err := h.plans.Create(h.t.Context(), p)
	require.NoError(h.t, err)
	return p
}

// linked creates a key and a plan, and links the two.
func (h *fixture) linked(p usageplan.Plan) (apikey.Key, apikey.Secret, usageplan.Plan) {
	k, secret := h.key("key")
	p = h.plan(p)
	require.NoError(h.t, h.plans.Link(h.t.Context(), p.ID, k.ID))
	return k, secret, p
}

func (h *fixture) admit(req gate.Request) (d gate.Decision) {
	h.t.Helper()
	d, err := h.gate.Admit(h.t.Context(), req)
	require.NoError(h.t, err)
	return
}

func (h *fixture) reason(secret apikey.Secret) gate.Reason {
	h.t.Helper()
	return h.admit(gate.Request{Secret: secret}).Reason
}

func perDay(n int64) []quota.Quota { return []quota.Quota{{Limit: n, Period: quota.Day}} }

// declared are the units of tests that need some.
var declared = usageplan.Units{{Name: "tokens"}, {Name: "micro_usd"}}

// withUnits makes a fixture declare them.
func withUnits(p *parts) { p.Units = declared }

func throttle(perSecond rate.Limit, burst int) *limiter.Limit {
	return &limiter.Limit{Rate: perSecond, Burst: burst}
}

var errBroken = errors.New("broken")

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func second[T any](_ T, err error) error { return err }
