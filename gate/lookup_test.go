package gate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// remote is a store behind a network: each call takes a round trip.
type remote struct {
	*memory.Store
	apart
	trip  time.Duration
	calls atomic.Int64
}

func (s *remote) travel(ctx context.Context) error {
	s.calls.Add(1)
	select {
	case <-time.After(s.trip):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *remote) Key(ctx context.Context, id string) (apikey.Key, error) {
	if err := s.travel(ctx); err != nil {
		return apikey.Key{}, err
	}
	return s.Store.Key(ctx, id)
}

func (s *remote) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	if err := s.travel(ctx); err != nil {
		return apikey.Key{}, err
	}
	return s.Store.KeyByDigest(ctx, d)
}

func (s *remote) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	if err := s.travel(ctx); err != nil {
		return nil, err
	}
	return s.Store.KeyLinks(ctx, id)
}

func (s *remote) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	if err := s.travel(ctx); err != nil {
		return usageplan.Plan{}, err
	}
	return s.Store.Plan(ctx, id)
}

// remoteWhole is a remote store that answers a look-up in one call.
type remoteWhole struct{ *remote }

func (s remoteWhole) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	if err := s.travel(ctx); err != nil {
		return usageplan.Access{}, err
	}
	return s.Store.AccessByDigest(ctx, d)
}

func (s remoteWhole) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	if err := s.travel(ctx); err != nil {
		return usageplan.Access{}, err
	}
	return s.Store.AccessByKey(ctx, id)
}

type directory interface {
	apikey.Store
	usageplan.Store
}

// newRemote returns a fixture over a remote store with this round trip. The store has
// an AccessReader if whole is true.
func newRemote(t *testing.T, trip time.Duration, whole bool, change ...func(*parts)) (*fixture, *remote) {
	st := memory.New(memory.Config{})
	far := &remote{Store: st, trip: trip}
	h := newFixture(t, append([]func(*parts){func(cfg *parts) {
		dir := directory(far)
		if whole {
			dir = remoteWhole{far}
		}
		cfg.Keys, cfg.Plans, cfg.Counter = dir, dir, st
	}}, change...)...)
	h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	return h, far
}

// TestDistance checks how long the first request of a key takes over a network, and
// how many calls it makes: one with an AccessReader, and three without.
func TestDistance(t *testing.T) {
	for _, test := range []struct {
		trip  time.Duration
		whole bool
		calls int64
	}{
		{10 * time.Millisecond, true, 1},
		{50 * time.Millisecond, true, 1},
		{500 * time.Millisecond, true, 1},
		{10 * time.Millisecond, false, 3},
		{50 * time.Millisecond, false, 3},
		{500 * time.Millisecond, false, 3},
	} {
		t.Run(fmt.Sprint(test.trip, "/whole=", test.whole), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, far := newRemote(t, test.trip, test.whole)
				k, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(9)})
				for _, req := range []gate.Request{{Secret: secret}, {KeyID: k.ID}} {
					far.calls.Store(0)
					began := time.Now()
					require.Equal(t, gate.Admitted, h.admit(req).Reason)
					calls := test.calls
					if req.KeyID != "" && !test.whole {
						calls-- // the plan is cached
					}
					require.Equal(t, calls, far.calls.Load())
					require.Equal(t, time.Duration(calls)*test.trip, time.Since(began))
				}
			})
		})
	}
}

// TestCallerLeaves checks that a caller waits no longer than its ctx allows. The
// result of its look-up is cached for later requests.
func TestCallerLeaves(t *testing.T) {
	for _, whole := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h, far := newRemote(t, 50*time.Millisecond, whole)
			_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(9)})
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			began := time.Now()
			d, err := h.gate.Admit(ctx, gate.Request{Secret: secret})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.False(t, d.Allowed)
			require.Equal(t, 20*time.Millisecond, time.Since(began))
			time.Sleep(time.Second)
			calls := far.calls.Load()
			began = time.Now()
			require.Equal(t, gate.Admitted, h.reason(secret))
			require.Equal(t, calls, far.calls.Load())
			require.Zero(t, time.Since(began))
		})
	}
}

// TestLookupTimeout checks that LookupTimeout bounds a look-up, and that the error
// names it.
func TestLookupTimeout(t *testing.T) {
	for _, whole := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h, _ := newRemote(t, 50*time.Millisecond, whole, func(cfg *parts) { cfg.LookupTimeout = 30 * time.Millisecond })
			_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(9)})
			began := time.Now()
			d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "lookupTimeout: 30ms: ")
			require.False(t, d.Allowed)
			require.Equal(t, 30*time.Millisecond, time.Since(began))
		})
	}
}

// withoutCPU is a memory store whose process gets no CPU for a while in each look-up.
type withoutCPU struct{ *memory.Store }

func (s withoutCPU) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	time.Sleep(time.Minute)
	if err := ctx.Err(); err != nil {
		return usageplan.Access{}, err
	}
	return s.Store.AccessByDigest(ctx, d)
}

// TestLocalDirectory checks that look-ups in a store that is store.Local have no
// timeout.
func TestLocalDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		st := withoutCPU{h.st}
		g, err := gate.New(st, st, h.st, gate.Config{})
		require.NoError(t, err)
		_, secret, _ := h.linked(usageplan.Plan{})
		d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
		require.NoError(t, err)
		require.True(t, d.Allowed)
	})
}

// panics is a store of keys that panics.
type panics struct{ *remote }

func (panics) KeyByDigest(context.Context, apikey.Digest) (apikey.Key, error) {
	panic("a nil database")
}

// TestPanickingDirectory checks that a panic in a look-up becomes an error of the
// decision and does not end the process.
func TestPanickingDirectory(t *testing.T) {
	h, far := newRemote(t, 0, false)
	g, err := gate.New(panics{far}, far, h.st, gate.Config{})
	require.NoError(t, err)
	_, secret, _ := h.linked(usageplan.Plan{})
	for range 2 {
		d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
		require.ErrorContains(t, err, "panic: a nil database")
		require.False(t, d.Allowed)
	}
}

// TestAccessIsTheSame plays one random history against three Gates. The store of the
// first answers in one call, that of the second does not, and the third has keys and
// plans in two stores. All decide alike.
func TestAccessIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rnd := newFixture(t), rand.New(rand.NewPCG(3, 4))
		far := &remote{Store: h.st}
		gates := map[string]*gate.Gate{"local": h.gate}
		for name, cfg := range map[string]parts{
			"one call":    {Keys: remoteWhole{far}, Plans: remoteWhole{far}},
			"three calls": {Keys: far, Plans: far},
			"apart":       {Keys: remoteWhole{far}, Plans: far},
		} {
			cfg.Counter = memory.New(memory.Config{})
			g, err := cfg.gate()
			require.NoError(t, err)
			gates[name] = g
		}
		ctx := t.Context()
		var plans []usageplan.Plan
		for range 3 {
			plans = append(plans, h.plan(usageplan.Plan{Quotas: perDay(1000)}))
		}
		type pair struct {
			key    apikey.Key
			secret apikey.Secret
		}
		var pairs []pair
		for range 4 {
			k, secret := h.key("key")
			pairs = append(pairs, pair{k, secret})
		}
		seen := map[gate.Reason]int{}
		for range 400 {
			k, p := &pairs[rnd.IntN(len(pairs))], plans[rnd.IntN(len(plans))]
			switch rnd.IntN(8) { // many of the changes fail
			case 0, 1:
				_ = h.plans.Link(ctx, p.ID, k.key.ID)
			case 2:
				_ = h.plans.Unlink(ctx, p.ID, k.key.ID)
			case 3:
				_, _ = h.plans.UpdateLink(ctx, p.ID, k.key.ID, func(l *usageplan.Link) error { l.Quotas = perDay(int64(rnd.IntN(2)) * 999); return nil })
			case 4:
				_, _ = h.keys.Update(ctx, k.key.ID, func(k *apikey.Key) error { k.Enabled = rnd.IntN(3) > 0; return nil })
			case 5:
				_, _ = h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Quotas = perDay(int64(rnd.IntN(2)) * 1000); return nil })
			case 6:
				if rnd.IntN(10) == 0 {
					require.NoError(t, h.st.DeletePlan(ctx, p.ID, 0)) // its links remain
					require.NoError(t, h.st.InsertPlan(ctx, p))
				}
			case 7:
				time.Sleep(time.Second)
			}
			var want *gate.Decision
			for name, g := range gates {
				d, err := g.Admit(ctx, gate.Request{Secret: k.secret})
				require.NoError(t, err)
				if want == nil {
					want = &d
				}
				require.Equal(t, want.Reason, d.Reason, name)
				require.Equal(t, want.Plan, d.Plan, name)
				require.Equal(t, want.Key, d.Key, name)
			}
			seen[want.Reason]++
		}
		for _, reason := range []gate.Reason{gate.Admitted, gate.NoPlan, gate.Disabled, gate.NeverFits} {
			require.NotZero(t, seen[reason], reason)
		}
	})
}
