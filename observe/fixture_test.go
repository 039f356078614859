package observe_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// fixture is a service over one store in memory.
type fixture struct {
	t     testing.TB
	st    *memory.Store
	keys  *apikey.Service
	plans *usageplan.Service
	gate  *gate.Gate
	cfg   gate.Config
	fails bool // charges fail
}

func newFixture(t testing.TB, o gate.Observer, cfg gate.Config) *fixture {
	f := newBreakable(t, o, cfg)
	f.gate = must(gate.New(f.st, f.st, f.st, f.cfg))
	return f
}

// newBreakable returns a fixture whose charges fail while fails is set.
func newBreakable(t testing.TB, o gate.Observer, cfg gate.Config) *fixture {
	st := memory.New(memory.Config{})
	f := &fixture{t: t, st: st, keys: must(apikey.NewService(st, apikey.Config{})), plans: must(usageplan.NewService(st, st, usageplan.Config{Units: cfg.Units}))}
	cfg.Observer = o
	f.cfg = cfg
	f.gate = must(gate.New(st, st, failing{st, &f.fails}, cfg))
	return f
}

// failing is a Counter that fails when it is told to.
type failing struct {
	store.Counter
	fails *bool
}

func (c failing) Take(ctx context.Context, charge *store.Charge) error {
	if *c.fails {
		return errBroken
	}
	return c.Counter.Take(ctx, charge)
}

// key creates a key with a plan of its own.
func (f *fixture) key(p usageplan.Plan) (apikey.Key, apikey.Secret) {
	f.t.Helper()
	p, err := f.plans.Create(f.t.Context(), p)
	require.NoError(f.t, err)
	return f.linked(p.ID)
}

// linked creates a key with a plan that exists.
func (f *fixture) linked(planID string) (apikey.Key, apikey.Secret) {
	f.t.Helper()
	k, secret, err := f.keys.Create(f.t.Context(), apikey.Key{Name: "key", Enabled: true})
	require.NoError(f.t, err)
	require.NoError(f.t, f.plans.Link(f.t.Context(), planID, k.ID))
	return k, secret
}

// toldOf is an Observer of decisions.
type toldOf func(gate.Decided)

func (f toldOf) Decided(_ context.Context, d gate.Decided) { f(d) }
func (f toldOf) Corrected(context.Context, gate.Corrected) {}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
