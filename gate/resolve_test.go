package gate_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestChangesAreSeenAtOnce checks that a Gate sees a change in a store of its own
// process as soon as the change returns.
func TestChangesAreSeenAtOnce(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(2)})
	require.Equal(t, gate.Admitted, h.reason(secret))

	_, err := h.keys.Disable(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, gate.Disabled, h.reason(secret))
	_, err = h.keys.Enable(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, gate.Admitted, h.reason(secret))
	require.Equal(t, gate.QuotaExceeded, h.reason(secret))

	_, err = h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Quotas[0].Limit = 3; return nil })
	require.NoError(t, err)
	require.Equal(t, gate.Admitted, h.reason(secret), "an upgrade keeps what was used")
	require.Equal(t, gate.QuotaExceeded, h.reason(secret))
	_, err = h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Quotas[0].Limit = 1; return nil })
	require.NoError(t, err)
	d := h.admit(gate.Request{Secret: secret})
	require.Equal(t, gate.QuotaExceeded, d.Reason)
	for l := range d.Levels() {
		require.Zero(t, l.Remaining(), "never negative")
	}

	_, err = h.plans.UpdateLink(ctx, p.ID, k.ID, func(l *usageplan.Link) error { l.Quotas = perDay(4); return nil })
	require.NoError(t, err)
	require.Equal(t, gate.Admitted, h.reason(secret), "an override of the link")
	require.NoError(t, h.plans.Unlink(ctx, p.ID, k.ID))
	require.Equal(t, gate.NoPlan, h.reason(secret))
	require.NoError(t, h.plans.Link(ctx, p.ID, k.ID))
	require.Equal(t, gate.QuotaExceeded, h.reason(secret), "linking again must find what was used")
	require.NoError(t, h.plans.Delete(ctx, p.ID))
	require.Equal(t, gate.NoPlan, h.reason(secret))
	require.NoError(t, h.keys.Delete(ctx, k.ID))
	require.Equal(t, gate.Unknown, h.reason(secret))
}

// TestUnknownIsForgottenByCreate asks for a key before it is created. The key is found
// as soon as it is.
func TestUnknownIsForgottenByCreate(t *testing.T) {
	h := newFixture(t)
	foreign := apikey.Secret("a-value-of-another-system-0001")
	h2 := newFixture(t, func(cfg *parts) {
		cfg.Keys, cfg.Plans, cfg.Counter = h.st, h.st, h.st
		cfg.KeyFormat = apikey.Format{AcceptForeign: true}
	})
	require.Equal(t, gate.Unknown, h2.reason(foreign))
	k, err := h.keys.Import(t.Context(), apikey.Key{Enabled: true}, foreign)
	require.NoError(t, err)
	require.Equal(t, gate.NoPlan, h2.reason(foreign))
	p := h.plan(usageplan.Plan{})
	require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
	require.Equal(t, gate.Admitted, h2.reason(foreign))
	require.Equal(t, gate.Unknown, h.reason(foreign), "a Gate that does not accept foreign values")
}

// TestRotation is a timeline of a secret and its successor. Both spend one allowance.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newFixture(t), t.Context()
		k, first, _ := h.linked(usageplan.Plan{Quotas: perDay(6)})
		require.Equal(t, gate.Admitted, h.reason(first))
		_, second, err := h.keys.Rotate(ctx, k.ID, time.Hour)
		require.NoError(t, err)
		require.Equal(t, gate.Admitted, h.reason(first))
		require.Equal(t, gate.Admitted, h.reason(second))
		time.Sleep(time.Hour - time.Microsecond)
		require.Equal(t, gate.Admitted, h.reason(first))
		time.Sleep(time.Microsecond)
		require.Equal(t, gate.Unknown, h.reason(first), "its grace has ended")
		require.Equal(t, gate.Admitted, h.reason(second))
		_, third, err := h.keys.Rotate(ctx, k.ID, 0)
		require.NoError(t, err)
		require.Equal(t, gate.Unknown, h.reason(second), "no grace")
		require.Equal(t, gate.Admitted, h.reason(third))
		require.Equal(t, gate.QuotaExceeded, h.reason(third))
	})
}

// silent is a store that does not tell of changes. The interfaces that it embeds have no
// OnChange.
type silent struct {
	apikey.Store
	plans
}

type plans interface{ usageplan.Store }

// TestMaxAge checks how long a Gate uses what it has read if nothing tells it of
// changes. A failed read does not extend that if MaxStale is not longer than MaxAge.
func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &broken{Store: memory.New(memory.Config{})}
		quiet := silent{st, st}
		h := newFixture(t, func(cfg *parts) {
			cfg.Keys, cfg.Plans, cfg.Counter, cfg.MaxStale = quiet, quiet, st, 5*time.Second
		})
		h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
		k, secret, _ := h.linked(usageplan.Plan{})
		require.Equal(t, gate.Admitted, h.reason(secret))
		_, err := h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		time.Sleep(5*time.Second/2 - time.Nanosecond)
		require.Equal(t, gate.Admitted, h.reason(secret), "it is used for half of MaxAge at least")
		st.reads.Store(true)
		time.Sleep(5*time.Second/2 + time.Nanosecond)
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.ErrorIs(t, err, errBroken)
		require.Equal(t, gate.StoreFailed, d.Reason)
		require.False(t, d.Allowed)
		st.reads.Store(false)
		require.Equal(t, gate.Disabled, h.reason(secret))
	})
}

// TestAgesGoByTheGatesClock asks by a clock that is ahead, and by one that is behind.
// Neither makes the Gate use what it has read for longer.
func TestAgesGoByTheGatesClock(t *testing.T) {
	for _, off := range []time.Duration{0, time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			st := memory.New(memory.Config{})
			quiet := silent{st, st}
			h := newFixture(t, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = quiet, quiet, st })
			h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
			k, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(100, 100)})
			stranger, err := apikey.Format{}.New()
			require.NoError(t, err)
			at := func() time.Time { return time.Now().Add(off) }
			require.Equal(t, gate.Admitted, h.admit(gate.Request{Secret: secret, At: at()}).Reason)
			require.Equal(t, gate.Unknown, h.admit(gate.Request{Secret: stranger, At: at()}).Reason)
			old := at()
			_, err = h.keys.Disable(t.Context(), k.ID)
			require.NoError(t, err)
			_, err = h.keys.Import(t.Context(), apikey.Key{Enabled: true}, stranger)
			require.NoError(t, err)
			time.Sleep(5*time.Second/2 - time.Nanosecond)
			require.Equal(t, gate.Admitted, h.reason(secret))
			time.Sleep(5*time.Second/2 + time.Nanosecond)
			for _, at := range []time.Time{old, {}} {
				require.Equal(t, gate.Disabled, h.admit(gate.Request{Secret: secret, At: at}).Reason)
				require.Equal(t, gate.NoPlan, h.admit(gate.Request{Secret: stranger, At: at}).Reason)
			}
		})
	}
}

// TestPlanAge checks that a plan that was read for one key is used for another no
// longer than for the first. In the second half of its age the plan is read again.
func TestPlanAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		quiet := silent{st, st}
		h := newFixture(t, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = quiet, quiet, st })
		h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
		_, first, p := h.linked(usageplan.Plan{Quotas: perDay(9)})
		k, second := h.key("second")
		require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
		k, third := h.key("third")
		require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
		require.Equal(t, gate.Admitted, h.reason(first))
		_, err := h.plans.Update(t.Context(), p.ID, func(p *usageplan.Plan) error { p.Quotas = perDay(0); return nil })
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		require.Equal(t, gate.Admitted, h.reason(second), "it uses the plan that was read for the first key")
		time.Sleep(time.Second)
		require.Equal(t, gate.NeverFits, h.reason(third))
		time.Sleep(2 * time.Second)
		require.Equal(t, gate.NeverFits, h.reason(second))
	})
}

// laggard is a store whose answers take a while.
type laggard struct {
	apikey.Store
	plans
}

func (l laggard) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	time.Sleep(10 * time.Millisecond)
	return l.Store.KeyByDigest(ctx, d)
}

// TestAgesStayApart asks for keys of one plan one after the other. ErrBusy is never
// returned. It would be if all keys were as old as their plan.
func TestAgesStayApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		slow := laggard{st, st}
		h := newFixture(t, func(cfg *parts) {
			cfg.Keys, cfg.Plans, cfg.Counter, cfg.MaxReads = slow, slow, st, 16
		})
		h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
		p := h.plan(usageplan.Plan{Name: "common"})
		for i := range 500 {
			k, secret := h.key("key")
			require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
			go func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				for range 200 {
					if _, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); err != nil {
						t.Error(err)
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			}()
		}
		time.Sleep(time.Minute)
	})
}

// behind is a store of keys with a wrong index: it finds the same key for every
// digest.
type behind struct {
	*memory.Store
	apart
	id string
}

func (b *behind) KeyByDigest(ctx context.Context, _ apikey.Digest) (apikey.Key, error) {
	return b.Key(ctx, b.id)
}

// TestWrongKey presents a secret that the key which the store finds does not accept.
func TestWrongKey(t *testing.T) {
	current, old, other := anySecret(t), anySecret(t), anySecret(t)
	for name, test := range map[string]struct {
		secret apikey.Secret
		until  time.Time
		want   gate.Reason
	}{
		"current":                  {current, time.Time{}, gate.Admitted},
		"retiring":                 {old, time.Now().Add(time.Hour), gate.Admitted},
		"retired":                  {old, time.Now().Add(-time.Hour), gate.Unknown},
		"retiring, without an end": {old, time.Time{}, gate.Unknown},
		"another's":                {other, time.Now().Add(time.Hour), gate.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			st := &behind{Store: memory.New(memory.Config{})}
			h := newFixture(t, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = st, st, st })
			h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
			k, _, _ := h.linked(usageplan.Plan{})
			st.id = k.ID
			k.Digest, k.Retiring, k.RetiringUntil = apikey.DigestOf(string(current)), apikey.DigestOf(string(old)), test.until
			require.NoError(t, st.UpdateKey(t.Context(), k))
			for range 2 {
				require.Equal(t, test.want, h.reason(test.secret))
			}
			k, err := h.keys.Get(t.Context(), k.ID)
			require.NoError(t, err)
			require.Equal(t, test.want == gate.Admitted, k.Accepts(apikey.DigestOf(string(test.secret)), time.Now()) == nil)
		})
	}
}

// anySecret returns a new secret that no key has.
func anySecret(t *testing.T) apikey.Secret {
	s, err := apikey.Format{}.New()
	require.NoError(t, err)
	return s
}

// TestLongSecrets checks that long secrets are unknown. From 513 bytes on they are not
// hashed, and take no memory.
func TestLongSecrets(t *testing.T) {
	h := newFixture(t)
	long, ctx := apikey.Secret(strings.Repeat("x", 513)), t.Context()
	require.Equal(t, gate.Unknown, h.reason(long))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if d, err := h.gate.Admit(ctx, gate.Request{Secret: long}); err != nil || d.Reason != gate.Unknown {
			t.Error(d.Reason, err)
		}
	}))
}

// TestUnknownKeysAreBounded floods a Gate with well-formed unknown secrets. Each costs
// one look-up at most, a repeated one costs none, and no cached key is evicted.
func TestUnknownKeysAreBounded(t *testing.T) {
	st := &broken{Store: memory.New(memory.Config{})}
	h := newFixture(t, func(cfg *parts) {
		cfg.Keys, cfg.Plans, cfg.Counter, cfg.MaxKeys, cfg.MaxUnknown = st, st, st, 1, 100
	})
	h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	_, secret, _ := h.linked(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1000, Period: quota.Year}}})
	require.Equal(t, gate.Admitted, h.reason(secret))
	known := st.read.Load()
	for range 1000 {
		stranger, err := apikey.Format{}.New()
		require.NoError(t, err)
		for range 2 {
			require.Equal(t, gate.Unknown, h.reason(stranger))
		}
	}
	require.EqualValues(t, known+1000, st.read.Load())
	require.Equal(t, gate.Admitted, h.reason(secret))
	require.EqualValues(t, known+1000, st.read.Load(), "the cached key was evicted")
}

// TestMaxKeys checks that decisions stay right if the cache is far too small for the
// keys, by secret and by ID.
func TestMaxKeys(t *testing.T) {
	h := newFixture(t, func(cfg *parts) { cfg.MaxKeys = 10 })
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
			require.Equal(t, gate.Admitted, h.reason(p.secret))
			require.Equal(t, gate.Admitted, h.admit(gate.Request{KeyID: p.key.ID}).Reason)
			if round == 2 {
				require.Equal(t, gate.QuotaExceeded, h.reason(p.secret))
			}
		}
	}
	_, err := h.keys.Disable(t.Context(), pairs[99].key.ID)
	require.NoError(t, err)
	require.Equal(t, gate.Disabled, h.reason(pairs[99].secret))
	require.Equal(t, gate.Disabled, h.admit(gate.Request{KeyID: pairs[99].key.ID}).Reason)
}
