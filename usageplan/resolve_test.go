package usageplan_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestChangesAreSeenAtOnce is what a Gate hears of from a store in its process: from the change's return on.
func TestChangesAreSeenAtOnce(t *testing.T) {
	h, ctx := newHouse(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(2)})
	require.Equal(t, usageplan.Admitted, h.reason(secret))

	_, err := h.keys.Disable(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, usageplan.Disabled, h.reason(secret))
	_, err = h.keys.Enable(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, usageplan.Admitted, h.reason(secret))
	require.Equal(t, usageplan.QuotaExceeded, h.reason(secret))

	_, err = h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) { p.Quotas[0].Limit = 3 })
	require.NoError(t, err)
	require.Equal(t, usageplan.Admitted, h.reason(secret), "an upgrade keeps what was used")
	require.Equal(t, usageplan.QuotaExceeded, h.reason(secret))
	_, err = h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) { p.Quotas[0].Limit = 1 })
	require.NoError(t, err)
	d := h.admit(usageplan.Request{Secret: secret})
	require.Equal(t, usageplan.QuotaExceeded, d.Reason)
	for l := range d.Levels() {
		require.Zero(t, l.Remaining(), "never negative")
	}

	_, err = h.plans.UpdateLink(ctx, p.ID, k.ID, func(l *usageplan.Link) { l.Quotas = perDay(4) })
	require.NoError(t, err)
	require.Equal(t, usageplan.Admitted, h.reason(secret), "an override of the link")
	require.NoError(t, h.plans.Unlink(ctx, p.ID, k.ID))
	require.Equal(t, usageplan.NoPlan, h.reason(secret))
	require.NoError(t, h.plans.Link(ctx, p.ID, k.ID))
	require.Equal(t, usageplan.QuotaExceeded, h.reason(secret), "linking again finds what was used")
	require.NoError(t, h.plans.Delete(ctx, p.ID))
	require.Equal(t, usageplan.NoPlan, h.reason(secret))
	require.NoError(t, h.keys.Delete(ctx, k.ID))
	require.Equal(t, usageplan.Unknown, h.reason(secret))
}

// TestUnknownIsForgottenByCreate shows a new key that was asked for too early.
func TestUnknownIsForgottenByCreate(t *testing.T) {
	h := newHouse(t)
	foreign := apikey.Secret("a-value-of-another-system-0001")
	h2 := newHouse(t, func(cfg *usageplan.GateConfig) {
		cfg.Keys, cfg.Plans, cfg.Counter = h.st, h.st, h.st
		cfg.Format = apikey.Format{AcceptForeign: true}
	})
	require.Equal(t, usageplan.Unknown, h2.reason(foreign))
	k, err := h.keys.Import(t.Context(), apikey.Key{Enabled: true}, foreign)
	require.NoError(t, err)
	require.Equal(t, usageplan.NoPlan, h2.reason(foreign))
	p := h.plan(usageplan.Plan{})
	require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
	require.Equal(t, usageplan.Admitted, h2.reason(foreign))
	require.Equal(t, usageplan.Unknown, h.reason(foreign), "a Gate that does not accept foreign values")
}

// TestRotation is the timeline of a secret and its successor. Both spend one allowance.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newHouse(t), t.Context()
		k, first, _ := h.linked(usageplan.Plan{Quotas: perDay(6)})
		require.Equal(t, usageplan.Admitted, h.reason(first))
		_, second, err := h.keys.Rotate(ctx, k.ID, time.Hour)
		require.NoError(t, err)
		require.Equal(t, usageplan.Admitted, h.reason(first))
		require.Equal(t, usageplan.Admitted, h.reason(second))
		time.Sleep(time.Hour - time.Microsecond)
		require.Equal(t, usageplan.Admitted, h.reason(first))
		time.Sleep(time.Microsecond)
		require.Equal(t, usageplan.Unknown, h.reason(first), "its grace has ended")
		require.Equal(t, usageplan.Admitted, h.reason(second))
		_, third, err := h.keys.Rotate(ctx, k.ID, 0)
		require.NoError(t, err)
		require.Equal(t, usageplan.Unknown, h.reason(second), "no grace")
		require.Equal(t, usageplan.Admitted, h.reason(third))
		require.Equal(t, usageplan.QuotaExceeded, h.reason(third))
	})
}

// silent is a store that tells nobody of changes: the embedded Store's OnChange is hidden.
type silent struct {
	apikey.Store
	plans
}

type plans interface{ usageplan.Store }

// TestMaxAge is how long a Gate believes what it has read where nobody tells it of changes. A read that fails extends
// nothing.
func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &broken{Store: memory.New(memory.Config{})}
		quiet := silent{st, st}
		h := newHouse(t, func(cfg *usageplan.GateConfig) { cfg.Keys, cfg.Plans, cfg.Counter = quiet, quiet, st })
		h.keys, h.plans = apikey.NewService(st, apikey.Config{}), usageplan.NewService(st, st, usageplan.ServiceConfig{})
		k, secret, _ := h.linked(usageplan.Plan{})
		require.Equal(t, usageplan.Admitted, h.reason(secret))
		_, err := h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		time.Sleep(5*time.Second - time.Nanosecond)
		require.Equal(t, usageplan.Admitted, h.reason(secret))
		st.reads.Store(true)
		time.Sleep(time.Nanosecond)
		d, err := h.gate.Admit(t.Context(), usageplan.Request{Secret: secret})
		require.ErrorIs(t, err, errBroken)
		require.Equal(t, usageplan.StoreFailed, d.Reason)
		require.False(t, d.Allowed)
		st.reads.Store(false)
		require.Equal(t, usageplan.Disabled, h.reason(secret))
	})
}

// slow is a store of keys whose look-ups wait to be let go.
type slow struct {
	*memory.Store
	reading chan struct{}
	release chan struct{}
}

func (s *slow) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	s.reading <- struct{}{}
	select {
	case <-s.release:
		return s.Store.KeyByDigest(ctx, d)
	case <-ctx.Done():
		return apikey.Key{}, ctx.Err()
	}
}

func newSlow(t *testing.T, change ...func(*usageplan.GateConfig)) (*house, *slow) {
	st := &slow{memory.New(memory.Config{}), make(chan struct{}, 100), make(chan struct{})}
	h := newHouse(t, append(change, func(cfg *usageplan.GateConfig) { cfg.Keys, cfg.Plans, cfg.Counter = st, st, st })...)
	h.keys, h.plans = apikey.NewService(st, apikey.Config{}), usageplan.NewService(st, st, usageplan.ServiceConfig{})
	return h, st
}

// TestOneFlight is a hundred requests with one unknown secret: one look-up, which goes on when the first of them leaves.
func TestOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newSlow(t)
		_, secret, _ := h.linked(usageplan.Plan{})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := h.gate.Admit(ctx, usageplan.Request{Secret: secret})
			if err == nil {
				t.Error("a request that was cancelled was admitted")
			}
		})
		synctest.Wait()
		cancel()
		for range 99 {
			wg.Go(func() {
				if d, err := h.gate.Admit(t.Context(), usageplan.Request{Secret: secret}); err != nil || !d.Allowed {
					t.Error(d.Reason, err)
				}
			})
		}
		synctest.Wait()
		require.Len(t, st.reading, 1)
		close(st.release)
		wg.Wait()
		require.Len(t, st.reading, 1)
	})
}

// TestChangeDuringRead leaves what was read before the change out of the cache, and out of the answers that begin after it.
func TestChangeDuringRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newSlow(t)
		k, secret, _ := h.linked(usageplan.Plan{})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = h.gate.Admit(t.Context(), usageplan.Request{Secret: secret}) })
		synctest.Wait()
		_, err := h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		wg.Go(func() {
			if d, err := h.gate.Admit(t.Context(), usageplan.Request{Secret: secret}); d.Reason != usageplan.Disabled {
				t.Error(d.Reason, err)
			}
		})
		synctest.Wait()
		require.Len(t, st.reading, 2, "who comes after the change reads again")
		close(st.release)
		wg.Wait()
		require.Equal(t, usageplan.Disabled, h.reason(secret))
	})
}

// TestMaxReads bounds the look-ups at one time, and their length.
func TestMaxReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newSlow(t, func(cfg *usageplan.GateConfig) { cfg.MaxReads = 2 })
		var wg sync.WaitGroup
		secret := func() apikey.Secret {
			s, err := apikey.Format{}.New()
			require.NoError(t, err)
			return s
		}
		for range 2 {
			s := secret()
			wg.Go(func() {
				if _, err := h.gate.Admit(t.Context(), usageplan.Request{Secret: s}); err == nil {
					t.Error("a look-up without end")
				}
			})
		}
		synctest.Wait()
		d, err := h.gate.Admit(t.Context(), usageplan.Request{Secret: secret()})
		require.ErrorIs(t, err, usageplan.ErrBusy)
		require.Equal(t, usageplan.StoreFailed, d.Reason)
		began := time.Now()
		wg.Wait()
		require.Equal(t, 100*time.Millisecond, time.Since(began))
	})
}

// TestUnknownKeysAreBounded floods a Gate with well-formed strangers: each costs one look-up at most, a repeated one none,
// and no known key is pushed out.
func TestUnknownKeysAreBounded(t *testing.T) {
	st := &broken{Store: memory.New(memory.Config{})}
	h := newHouse(t, func(cfg *usageplan.GateConfig) {
		cfg.Keys, cfg.Plans, cfg.Counter, cfg.MaxKeys, cfg.MaxUnknown = st, st, st, 1, 100
	})
	h.keys, h.plans = apikey.NewService(st, apikey.Config{}), usageplan.NewService(st, st, usageplan.ServiceConfig{})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Year}}})
	require.Equal(t, usageplan.Admitted, h.reason(secret))
	known := st.read.Load()
	for range 1000 {
		stranger, err := apikey.Format{}.New()
		require.NoError(t, err)
		for range 2 {
			require.Equal(t, usageplan.Unknown, h.reason(stranger))
		}
	}
	require.EqualValues(t, known+1000, st.read.Load())
	require.Equal(t, usageplan.Admitted, h.reason(secret))
	require.EqualValues(t, known+1000, st.read.Load(), "the known key was pushed out")
}

// TestMaxKeys keeps deciding rightly with a cache for far fewer keys than there are, by secret and by id.
func TestMaxKeys(t *testing.T) {
	h := newHouse(t, func(cfg *usageplan.GateConfig) { cfg.MaxKeys = 10 })
	p := h.plan(usageplan.Plan{Quotas: []quota.Quota{{Limit: 6, Period: quota.Year}}})
	type pair struct {
		key    apikey.Key
		secret apikey.Secret
	}
	var pairs []pair
	for range 100 {
		k, secret := h.key("key")
		require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
		pairs = append(pairs, pair{k, secret})
	}
	for round := range 3 {
		for _, p := range pairs {
			require.Equal(t, usageplan.Admitted, h.reason(p.secret))
			require.Equal(t, usageplan.Admitted, h.admit(usageplan.Request{KeyID: p.key.ID}).Reason)
			if round == 2 {
				require.Equal(t, usageplan.QuotaExceeded, h.reason(p.secret))
			}
		}
	}
	_, err := h.keys.Disable(t.Context(), pairs[99].key.ID)
	require.NoError(t, err)
	require.Equal(t, usageplan.Disabled, h.reason(pairs[99].secret))
	require.Equal(t, usageplan.Disabled, h.admit(usageplan.Request{KeyID: pairs[99].key.ID}).Reason)
}
