package gate_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// paused is a store that holds answers back after it has read them. It holds back the
// first answer of each kind that has a channel in holds.
type paused struct {
	*memory.Store
	apart
	mu sync.Mutex
	// holds has a channel for each kind of answer that is held back: "key", "links",
	// "plan" or "access". Closing it lets the answer go.
	holds map[string]chan struct{}
	reads int // of keys

	changed func(id string)
	mute    bool // the subscription is broken
}

func (s *paused) OnChange(changed func(id string)) func() {
	s.changed = changed
	return s.Store.OnChange(func(id string) {
		if !s.mute {
			changed(id)
		}
	})
}

func (s *paused) hold(kind string) (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := make(chan struct{})
	s.holds = map[string]chan struct{}{kind: ch}
	return func() { close(ch) }
}

// wait holds back the first answer of that kind.
func (s *paused) wait(kind string) {
	s.mu.Lock()
	ch := s.holds[kind]
	delete(s.holds, kind)
	if kind == "key" || kind == "access" {
		s.reads++
	}
	s.mu.Unlock()
	if ch != nil {
		<-ch
	}
}

func (s *paused) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.Store.KeyByDigest(ctx, d)
	s.wait("key")
	return k, err
}

func (s *paused) KeyLinks(ctx context.Context, keyID string) ([]usageplan.Link, error) {
	l, err := s.Store.KeyLinks(ctx, keyID)
	s.wait("links")
	return l, err
}

func (s *paused) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	p, err := s.Store.Plan(ctx, id)
	s.wait("plan")
	return p, err
}

// pausedWhole is a paused store that answers a look-up in one call, of the kind
// "access".
type pausedWhole struct{ *paused }

func (s pausedWhole) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.Store.AccessByDigest(ctx, d)
	s.wait("access")
	return a, err
}

func (s pausedWhole) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.Store.AccessByKey(ctx, id)
	s.wait("access")
	return a, err
}

// newPaused returns a fixture over a paused store. The store answers a look-up in one
// call if hold is "access".
func newPaused(t *testing.T, hold string) (*fixture, *paused) {
	st := &paused{Store: memory.New(memory.Config{})}
	h := newFixture(t, func(cfg *parts) {
		cfg.Keys, cfg.Plans, cfg.Counter = st, st, st.Store
		if hold == "access" {
			cfg.Keys, cfg.Plans = pausedWhole{st}, pausedWhole{st}
		}
	})
	h.keys, h.plans = must(apikey.NewService(st.Store, apikey.Config{})), must(usageplan.NewService(st.Store, st.Store, usageplan.Config{}))
	return h, st
}

// scene is a key with a plan, and the store that has them.
type scene struct {
	*fixture
	st *paused
	k  apikey.Key
	p  usageplan.Plan
}

// other asks for another key of the plan.
func (s *scene) other() error {
	k, secret := s.key("other")
	if err := s.plans.Link(s.t.Context(), s.p.ID, k.ID); err != nil {
		return err
	}
	return second(s.gate.Admit(s.t.Context(), gate.Request{Secret: secret}))
}

// TestChangeAfterRead changes what a look-up has read already but has not returned
// yet. A request that began before the change may be decided by the old state. A
// request that begins after the change is decided by the new state, whether it comes
// during the look-up or later. It may wait for the look-up.
func TestChangeAfterRead(t *testing.T) {
	disable := func(s *scene) error { return second(s.keys.Disable(s.t.Context(), s.k.ID)) }
	update := func(s *scene) error {
		return second(s.plans.Update(s.t.Context(), s.p.ID, func(p *usageplan.Plan) error { p.Quotas = perDay(0); return nil }))
	}
	crowd := func(s *scene) error {
		for i := range 1100 {
			s.key(fmt.Sprint(i))
		}
		return nil
	}
	for _, test := range []struct {
		what, hold string
		change     func(*scene) error
		after      gate.Reason
		// How often the key is read in all: with a request that comes during the
		// look-up, and without one.
		reads [2]int
	}{
		{"key", "key", disable, gate.Disabled, [2]int{2, 2}},
		{"key, after its ID is known", "links", disable, gate.Disabled, [2]int{2, 2}},
		{"key, and then many others", "links", func(s *scene) error { return errors.Join(disable(s), crowd(s)) }, gate.Disabled, [2]int{2, 2}},
		{"link", "links", func(s *scene) error { return s.plans.Unlink(s.t.Context(), s.p.ID, s.k.ID) }, gate.NoPlan, [2]int{2, 2}},
		{"plan", "plan", update, gate.NeverFits, [2]int{2, 2}},
		{"another key", "links", func(s *scene) error { s.key("other"); return nil }, gate.Admitted, [2]int{1, 1}},
		{"another plan", "plan", func(s *scene) error { s.plan(usageplan.Plan{}); return nil }, gate.Admitted, [2]int{1, 1}},
		{"another key, before the ID is known", "key", func(s *scene) error { s.key("other"); return nil }, gate.Admitted, [2]int{2, 1}},
		{"anything", "plan", func(s *scene) error { s.st.changed(""); return nil }, gate.Admitted, [2]int{2, 2}},
		{"key, in one call", "access", disable, gate.Disabled, [2]int{2, 2}},
		{"key, in one call, and then many others", "access", func(s *scene) error { return errors.Join(disable(s), crowd(s)) }, gate.Disabled, [2]int{2, 2}},
		{"link, in one call", "access", func(s *scene) error { return s.plans.Unlink(s.t.Context(), s.p.ID, s.k.ID) }, gate.NoPlan, [2]int{2, 2}},
		{"plan, in one call", "access", update, gate.NeverFits, [2]int{2, 2}},
		{"plan, in one call, and then many keys", "access", func(s *scene) error { return errors.Join(update(s), crowd(s)) }, gate.NeverFits, [2]int{2, 2}},
		{"plan that is cached, in one call", "access", func(s *scene) error { return errors.Join(s.other(), update(s)) }, gate.NeverFits, [2]int{3, 3}},
		{"another key, in one call", "access", func(s *scene) error { s.key("other"); return nil }, gate.Admitted, [2]int{2, 1}},
		{"another plan, in one call", "access", func(s *scene) error { s.plan(usageplan.Plan{}); return nil }, gate.Admitted, [2]int{2, 1}},
		{"anything, in one call", "access", func(s *scene) error { s.st.changed(""); return nil }, gate.Admitted, [2]int{2, 2}},
	} {
		for i, during := range []bool{true, false} {
			t.Run(fmt.Sprint(test.what, "/during=", during), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h, st := newPaused(t, test.hold)
					k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(5)})
					release := st.hold(test.hold)
					var wg sync.WaitGroup
					wg.Go(func() {
						if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); err != nil || !d.Allowed {
							t.Error("the request that began before the change", d.Reason, err)
						}
					})
					synctest.Wait()
					require.NoError(t, test.change(&scene{h, st, k, p}))
					if during {
						wg.Go(func() {
							if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); d.Reason != test.after {
								t.Error("the request that began after the change", d.Reason, err)
							}
						})
						synctest.Wait()
					}
					release()
					wg.Wait()
					for range 2 {
						require.Equal(t, test.after, h.reason(secret), "later")
					}
					require.Equal(t, test.reads[i], st.reads)
				})
			})
		}
	}
}

// TestCreateAfterRead creates a key after a look-up has not found it, and before the
// look-up returns.
func TestCreateAfterRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newPaused(t, "key")
		secret, release := anySecret(t), st.hold("key")
		var wg sync.WaitGroup
		wg.Go(func() {
			if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); d.Reason != gate.Unknown {
				t.Error(d.Reason, err)
			}
		})
		synctest.Wait()
		_, err := h.keys.Import(t.Context(), apikey.Key{Enabled: true}, secret)
		require.NoError(t, err)
		release()
		wg.Wait()
		require.Equal(t, gate.NoPlan, h.reason(secret))
	})
}

// TestBreakDuringRead changes a plan while the subscription is broken and a look-up
// has read the plan already. After the break no request is decided by the old plan,
// neither of the same key nor of another.
func TestBreakDuringRead(t *testing.T) {
	for _, hold := range []string{"plan", "access"} {
		synctest.Test(t, func(t *testing.T) {
			h, st := newPaused(t, hold)
			_, secret, p := h.linked(usageplan.Plan{Quotas: perDay(5)})
			k, other := h.key("other")
			require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
			release := st.hold(hold)
			var wg sync.WaitGroup
			wg.Go(func() {
				if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); err != nil || !d.Allowed {
					t.Error("the request that began before the change", d.Reason, err)
				}
			})
			synctest.Wait()
			st.mute = true
			_, err := h.plans.Update(t.Context(), p.ID, func(p *usageplan.Plan) error { p.Quotas = perDay(0); return nil })
			require.NoError(t, err)
			st.mute = false
			st.changed("")
			release()
			wg.Wait()
			for range 2 {
				require.Equal(t, gate.NeverFits, h.reason(other), hold)
				require.Equal(t, gate.NeverFits, h.reason(secret), hold)
			}
		})
	}
}

// TestManyChangesDuringRead changes a plan, and then more than the Gate notes, while a
// look-up of a key by its ID is in flight. A request that comes afterwards must not get
// the old plan.
func TestManyChangesDuringRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newPaused(t, "access")
		k, _, plan := h.linked(usageplan.Plan{Quotas: perDay(1000)})
		release := st.hold("access")
		ask := func(d chan<- gate.Decision) {
			d <- h.admit(gate.Request{KeyID: k.ID})
		}
		first, late := make(chan gate.Decision, 1), make(chan gate.Decision, 1)
		go ask(first)
		synctest.Wait()
		require.NoError(t, second(h.plans.Update(t.Context(), plan.ID, func(p *usageplan.Plan) error {
			p.Quotas = perDay(1)
			return nil
		})))
		for i := range 1100 {
			st.changed(fmt.Sprint("other", i))
		}
		go ask(late)
		synctest.Wait()
		release()
		<-first
		require.Equal(t, int64(1), (<-late).Plan.Quotas[0].Limit)
	})
}
