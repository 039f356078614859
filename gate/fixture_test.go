package gate_test

import (
	"context"
	"errors"
	"sync/atomic"
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

// fixture is everything that a service has, over one memory store.
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
	cfg.Counter = leased(t, cfg.Counter)
	g, err := cfg.gate()
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	return &fixture{t, st, must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme", AcceptForeign: true}})), must(usageplan.NewService(st, st, usageplan.Config{Units: cfg.Units})), g}
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

// linked creates a key and a plan, and links them.
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

// tokens is the unit of the fixtures that charge costs.
var tokens = usageplan.Units{{Name: "tokens"}}

// newTokens returns a fixture whose service counts tokens.
func newTokens(t *testing.T, change ...func(*parts)) *fixture {
	return newFixture(t, append([]func(*parts){func(p *parts) { p.Units = tokens }}, change...)...)
}

// costs returns the Costs of n tokens.
func costs(n int64) usageplan.Costs { return usageplan.Costs{n} }

func tokensPerDay(n int64) []quota.Quota {
	return []quota.Quota{{Name: "day", Limit: n, Unit: "tokens", Period: quota.Day}}
}

// spend asks for n tokens, and returns the reason of the decision.
func (h *fixture) spend(secret apikey.Secret, n int64) gate.Reason {
	h.t.Helper()
	return h.admit(gate.Request{Secret: secret, Costs: costs(n)}).Reason
}

func tokensPerSecond(n rate.Limit, burst int) []usageplan.Throttle {
	return []usageplan.Throttle{{Limit: limiter.Limit{Rate: n, Burst: burst}, Unit: "tokens"}}
}

func perDay(n int64) []quota.Quota { return []quota.Quota{{Limit: n, Period: quota.Day}} }

func throttle(perSecond rate.Limit, burst int) *limiter.Limit {
	return &limiter.Limit{Rate: perSecond, Burst: burst}
}

// apart hides that a memory.Store answers a look-up in one call, never blocks, and has a
// fast path for lists of meters, which would bypass the Take of a type that embeds it. It
// is embedded beside the Store: of two embedded methods with one name, Go promotes
// neither.
type apart struct{}

func (apart) AccessByDigest() {}
func (apart) AccessByKey()    {}
func (apart) Local()          {}
func (apart) TakeList()       {}

// These are used by being embedded, which staticcheck does not see.
var _ = []interface {
	AccessByDigest()
	AccessByKey()
	Local()
	TakeList()
}{broken{}.apart, paused{}.apart, slow{}.apart, behind{}.apart, remote{}.apart, runnable{}.apart, unheard{}.apart, faraway{}.apart, denied{}.apart}

// broken is a store of keys, plans and counters. Its look-ups fail while reads is set,
// and its charges fail while takes is set.
type broken struct {
	*memory.Store
	apart
	reads, takes atomic.Bool
	read         atomic.Int64
}

var errBroken = errors.New("broken")

func (b *broken) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	b.read.Add(1)
	if b.reads.Load() {
		return apikey.Key{}, errBroken
	}
	return b.Store.KeyByDigest(ctx, d)
}

func (b *broken) Take(ctx context.Context, c *store.Charge) error {
	if b.takes.Load() {
		return errBroken
	}
	return b.Store.Take(ctx, c)
}

// second returns the error of a call with two results.
func second[T any](_ T, err error) error { return err }

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// refusedBy returns the kind of the payer that refused, or "".
func refusedBy(d *gate.Decision) string {
	if p, ok := d.RefusedBy(); ok {
		return p.Kind.String()
	}
	return ""
}
