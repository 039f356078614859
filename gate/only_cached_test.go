package gate_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestOnlyCached is a timeline. Requests that are OnlyCached are asked in all states of a
// key, and read the store only for keys that the Gate has known as good.
func TestOnlyCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &remote{Store: memory.New(memory.Config{}), trip: time.Millisecond}
		h := newFixture(t, func(p *parts) {
			p.Keys, p.Plans, p.Counter = st, st, st.Store
			p.KeyFormat = apikey.Format{Prefix: "acme"}
		})
		h.st = st.Store
		h.keys, h.plans = must(apikey.NewService(st.Store, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}})), must(usageplan.NewService(st.Store, st.Store, usageplan.Config{}))
		ctx := t.Context()
		good, secret, _ := h.linked(usageplan.Plan{})
		expiring, expires, _ := h.linked(usageplan.Plan{})
		require.NoError(t, second(h.keys.Expire(ctx, expiring.ID, time.Now().Add(time.Hour))))
		unseen, unseenSecret, _ := h.linked(usageplan.Plan{})
		off, offSecret, _ := h.linked(usageplan.Plan{})
		require.NoError(t, second(h.keys.Disable(ctx, off.ID)))
		stranger := must(apikey.Format{Prefix: "acme"}.New())
		require.Equal(t, gate.Admitted, h.reason(secret))
		require.Equal(t, gate.Admitted, h.reason(expires))
		require.Equal(t, gate.Disabled, h.reason(offSecret))

		// want is the reason, and calls how many calls the store gets.
		ask := func(what string, s apikey.Secret, want gate.Reason, calls int64) {
			t.Helper()
			before := st.calls.Load()
			d, err := h.gate.Admit(ctx, gate.Request{Secret: s, OnlyCached: true})
			require.NoError(t, err, what)
			require.Equal(t, want.String(), d.Reason.String(), what)
			require.Equal(t, want == gate.Admitted, d.Allowed, what)
			require.Equal(t, calls > 0, d.LookedUp, what)
			require.Equal(t, calls, st.calls.Load()-before, what)
		}
		ask("cached", secret, gate.Admitted, 0)
		ask("not seen", unseenSecret, gate.NotCached, 0)
		ask("unknown", stranger, gate.NotCached, 0)
		ask("remembered as refused", offSecret, gate.NotCached, 0)
		ask("malformed", "acme_x", gate.NotCached, 0)
		ask("none", "", gate.NotCached, 0)
		ask("very long", apikey.Secret(strings.Repeat("x", 10_000)), gate.NotCached, 0)
		for _, asks := range []func(context.Context, gate.Request) (gate.Reason, error){
			func(ctx context.Context, r gate.Request) (gate.Reason, error) {
				d, err := h.gate.Peek(ctx, r)
				return d.Reason, err
			},
			func(ctx context.Context, r gate.Request) (gate.Reason, error) {
				d, err := h.gate.Identify(ctx, r)
				return d.Reason, err
			},
		} {
			why, err := asks(ctx, gate.Request{Secret: stranger, OnlyCached: true})
			require.NoError(t, err)
			require.Equal(t, gate.NotCached, why)
		}

		time.Sleep(10 * time.Second)
		ask("due", secret, gate.Admitted, 3)
		ask("read again", secret, gate.Admitted, 0)

		time.Sleep(time.Hour)
		ask("expired", expires, gate.NotCached, 0)

		require.NoError(t, second(h.keys.Update(ctx, good.ID, func(k *apikey.Key) error { k.Name = "new"; return nil })))
		ask("changed", secret, gate.Admitted, 3)
		require.NoError(t, second(h.keys.Disable(ctx, good.ID)))
		ask("disabled", secret, gate.NotCached, 1)
		ask("disabled, again", secret, gate.NotCached, 0)
		require.NoError(t, second(h.keys.Enable(ctx, good.ID)))
		ask("enabled", secret, gate.NotCached, 0)
		require.Equal(t, gate.Admitted, h.reason(secret), "from another address")
		ask("cached again", secret, gate.Admitted, 0)
		require.NoError(t, h.keys.Delete(ctx, good.ID))
		ask("deleted", secret, gate.NotCached, 1)
		ask("deleted, again", secret, gate.NotCached, 0)

		require.Equal(t, gate.Admitted, h.admit(gate.Request{KeyID: unseen.ID}).Reason)
		ask("its secret is not cached", unseenSecret, gate.NotCached, 0)
	})
}

// TestLookedUp tells the request that began a look-up from those that shared it.
func TestLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &remote{Store: memory.New(memory.Config{}), trip: time.Millisecond}
		h := newFixture(t, func(p *parts) { p.Keys, p.Plans = st, st })
		stranger := must(apikey.Format{Prefix: "acme"}.New())
		all := make(chan bool, 10)
		for range 10 {
			go func() {
				d, _ := h.gate.Admit(t.Context(), gate.Request{Secret: stranger})
				all <- d.LookedUp
			}()
		}
		began := 0
		for range 10 {
			if <-all {
				began++
			}
		}
		require.Equal(t, 1, began)
		require.False(t, h.admit(gate.Request{Secret: stranger}).LookedUp, "remembered")

		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		d, err := h.gate.Admit(ctx, gate.Request{Secret: must(apikey.Format{Prefix: "acme"}.New())})
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, d.LookedUp, "left early")
		time.Sleep(time.Second)
	})
}

// TestOnlyCachedAfterChange changes a key while it is read for the first time, so that
// the result is not cached. The Gate knows the secret all the same.
func TestOnlyCachedAfterChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &remote{Store: memory.New(memory.Config{}), trip: 400 * time.Millisecond}
		h := newFixture(t, func(p *parts) { p.Keys, p.Plans, p.Counter = st, st, st.Store })
		h.st = st.Store
		h.keys, h.plans = must(apikey.NewService(st.Store, apikey.Config{})), must(usageplan.NewService(st.Store, st.Store, usageplan.Config{}))
		k, secret, _ := h.linked(usageplan.Plan{})
		go func() {
			time.Sleep(600 * time.Millisecond)
			_, err := h.keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { k.Name = "new"; return nil })
			require.NoError(t, err)
		}()
		require.Equal(t, gate.Admitted, h.reason(secret))
		time.Sleep(time.Minute)
		d := h.admit(gate.Request{Secret: secret, OnlyCached: true})
		require.Equal(t, gate.Admitted.String(), d.Reason.String())
		require.True(t, d.LookedUp)
	})
}

// TestDepartedIsBounded changes more keys than the Gate remembers. None of them is
// remembered for ever, and the flood of refused secrets has no part in it.
func TestDepartedIsBounded(t *testing.T) {
	h := newFixture(t, func(p *parts) { p.MaxUnknown = 10 })
	var secrets []apikey.Secret
	var ids []string
	for range 30 {
		k, secret, _ := h.linked(usageplan.Plan{})
		require.Equal(t, gate.Admitted, h.reason(secret))
		secrets, ids = append(secrets, secret), append(ids, k.ID)
	}
	for _, id := range ids {
		require.NoError(t, second(h.keys.Update(t.Context(), id, func(k *apikey.Key) error { k.Name = "new"; return nil })))
	}
	for range 50 {
		require.Equal(t, gate.Unknown, h.reason(must(apikey.Format{Prefix: "acme"}.New())))
	}
	admitted := 0
	for _, s := range secrets {
		if h.admit(gate.Request{Secret: s, OnlyCached: true}).Allowed {
			admitted++
		}
	}
	require.Equal(t, 10, admitted)
}

// TestOnlyCachedWhileRead asks for a good key all the time, while the Gate reads it again
// and again. Each time its entry is replaced.
func TestOnlyCachedWhileRead(t *testing.T) {
	h := newFixture(t, func(p *parts) { p.MaxAge = time.Nanosecond })
	_, secret, _ := h.linked(usageplan.Plan{})
	require.Equal(t, gate.Admitted, h.reason(secret))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5_000 {
				d, err := h.gate.Identify(t.Context(), gate.Request{Secret: secret, OnlyCached: true})
				if err != nil || !d.Allowed {
					t.Errorf("a good key was refused: %v, %v", d.Reason, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
