package gate_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
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

// hearing is a store that fails when it is told to. It keeps the function that
// subscribed to its changes.
type hearing struct {
	broken
	changed func(id string)
	mute    bool // the subscription is broken
}

func (s *hearing) OnChange(changed func(id string)) func() {
	s.changed = changed
	return s.Store.OnChange(func(id string) {
		if !s.mute {
			changed(id)
		}
	})
}

// newOutage returns a fixture over a store that fails when it is told to. If tells is
// true, the store tells the Gate of changes.
func newOutage(t *testing.T, tells bool, change ...func(*parts)) (*fixture, *hearing) {
	st := &hearing{broken: broken{Store: memory.New(memory.Config{})}}
	h := newFixture(t, append(change, func(cfg *parts) {
		cfg.Keys, cfg.Plans, cfg.Counter = st, st, st
		if !tells {
			quiet := silent{st, st}
			cfg.Keys, cfg.Plans = quiet, quiet
		}
	})...)
	h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	return h, st
}

// TestOutage is a timeline of a store that fails for longer than MaxStale, which is
// 1h. The keys are cached, unknown, or cached and expired in the meantime.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newOutage(t, false)
		_, known, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 2)})
		_, never, _ := h.linked(usageplan.Plan{})
		k, expiring, _ := h.linked(usageplan.Plan{})
		_, err := h.keys.Update(t.Context(), k.ID, func(k *apikey.Key) error {
			k.Expires = time.Now().Add(10 * time.Minute)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, gate.Admitted, h.reason(known))
		require.Equal(t, gate.Admitted, h.reason(expiring))
		st.reads.Store(true)
		began := time.Now()
		for _, step := range []struct {
			after           time.Duration
			known, expiring bool
		}{
			{time.Second, true, true},
			{6 * time.Second, true, true},
			{10*time.Minute - 1, true, true},
			{10 * time.Minute, true, false},
			{time.Hour - 1, true, false},
			{time.Hour, false, false},
			{2 * time.Hour, false, false},
		} {
			time.Sleep(time.Until(began.Add(step.after)))
			for what, test := range map[string]struct {
				secret  apikey.Secret
				allowed bool
			}{"known": {known, step.known}, "expiring": {expiring, step.expiring}, "never seen": {never, false}} {
				d, err := h.gate.Admit(t.Context(), gate.Request{Secret: test.secret})
				require.Equal(t, test.allowed, d.Allowed, "%s, after %v", what, step.after)
				require.Equal(t, test.allowed, err == nil, "%s, after %v: %v", what, step.after, err)
			}
		}
		st.reads.Store(false)
		for _, secret := range []apikey.Secret{known, never} {
			require.Equal(t, gate.Admitted, h.reason(secret))
		}
		require.Equal(t, gate.Expired, h.reason(expiring))
	})
}

// blackHole is a store that, while it is told to, answers only when the caller gives
// up.
type blackHole struct {
	directory
	silent          *atomic.Bool
	inFlight, calls *atomic.Int64 // calls in flight, and all calls
}

func (s blackHole) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	s.calls.Add(1)
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	if s.silent.Load() {
		<-ctx.Done()
		return apikey.Key{}, ctx.Err()
	}
	return s.directory.KeyByDigest(ctx, d)
}

func newBlackHole(t *testing.T, change ...func(*parts)) (*fixture, blackHole) {
	st := memory.New(memory.Config{})
	hole := blackHole{silent{st, st}, new(atomic.Bool), new(atomic.Int64), new(atomic.Int64)}
	h := newFixture(t, append(change, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = hole, hole, st })...)
	h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	return h, hole
}

// TestOutageKeepsNobodyWaiting asks for a cached key ten times a second while its
// store does not answer. A request waits for Timeout at most, and only until the first
// failure. The look-ups come one at a time, after pauses that grow to MaxAge. When the
// store is back, the key is read within MaxAge.
func TestOutageKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, hole := newBlackHole(t)
		k, secret, _ := h.linked(usageplan.Plan{})
		require.Equal(t, gate.Admitted, h.reason(secret))
		time.Sleep(5 * time.Second)
		hole.silent.Store(true)
		hole.calls.Store(0)
		began, waited := time.Now(), 0
		for time.Since(began) < 10*time.Minute {
			asked := time.Now()
			require.Equal(t, gate.Admitted, h.reason(secret))
			require.LessOrEqual(t, hole.inFlight.Load(), int64(1))
			if took := time.Since(asked); took > 0 {
				waited++
				require.LessOrEqual(t, took, 100*time.Millisecond)
				require.Less(t, time.Since(began), 2*time.Second, "a request waits only until the first failure")
			}
			time.Sleep(100 * time.Millisecond)
		}
		require.Equal(t, 1, waited, "only the first request waits")
		require.InDelta(t, 600/7, hole.calls.Load(), 10, "each takes 2s, and the pause is 5s")
		_, err := h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		hole.silent.Store(false)
		for back := time.Now(); h.reason(secret) != gate.Disabled; time.Sleep(100 * time.Millisecond) {
			require.Less(t, time.Since(back), 7*time.Second+100*time.Millisecond)
		}
	})
}

// TestOutageOfManyKeys has more cached keys than look-ups are allowed. All of them
// stay in use.
func TestOutageOfManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, hole := newBlackHole(t, func(cfg *parts) { cfg.MaxReads = 4 })
		var secrets []apikey.Secret
		for range 50 {
			_, secret, _ := h.linked(usageplan.Plan{})
			secrets = append(secrets, secret)
			require.Equal(t, gate.Admitted, h.reason(secret))
		}
		time.Sleep(5 * time.Second)
		hole.silent.Store(true)
		for range 100 {
			var wg sync.WaitGroup
			for _, secret := range secrets {
				wg.Go(func() {
					if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); err != nil || !d.Allowed {
						t.Error(d.Reason, err)
					}
				})
			}
			synctest.Wait()
			require.LessOrEqual(t, hole.inFlight.Load(), int64(4))
			wg.Wait()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second) // the last look-ups end
	})
}

// TestChangeInOutage has a store that cannot be read tell of a change. The key that
// changed is not admitted by the old state. Another key is, and so is every key after
// a change of "", which names none.
func TestChangeInOutage(t *testing.T) {
	for _, test := range []struct {
		what    string
		change  func(s *outage) error
		allowed bool
	}{
		{"none", func(*outage) error { return nil }, true},
		{"the key is disabled", func(s *outage) error { return second(s.keys.Disable(s.t.Context(), s.k.ID)) }, false},
		{"the key is renamed", func(s *outage) error {
			return second(s.keys.Update(s.t.Context(), s.k.ID, func(k *apikey.Key) error { k.Name = "new"; return nil }))
		}, false},
		{"the key is deleted", func(s *outage) error { return s.keys.Delete(s.t.Context(), s.k.ID) }, false},
		{"the link is removed", func(s *outage) error { return s.plans.Unlink(s.t.Context(), s.p.ID, s.k.ID) }, false},
		{"the plan is changed", func(s *outage) error {
			return second(s.plans.Update(s.t.Context(), s.p.ID, func(p *usageplan.Plan) error { p.Name = "new"; return nil }))
		}, false},
		{"the plan is deleted", func(s *outage) error { return s.dir.DeletePlan(s.t.Context(), s.p.ID, 0) }, false},
		{"another key is created", func(s *outage) error { s.key("other"); return nil }, true},
		{"anything", func(s *outage) error { s.dir.changed(""); return nil }, true},
		{"anything, and then the plan is changed", func(s *outage) error {
			s.dir.changed("")
			return second(s.plans.Update(s.t.Context(), s.p.ID, func(p *usageplan.Plan) error { p.Name = "new"; return nil }))
		}, false},
		{"anything, and then the key is disabled", func(s *outage) error {
			s.dir.changed("")
			return second(s.keys.Disable(s.t.Context(), s.k.ID))
		}, false},
	} {
		for _, failedBefore := range []bool{false, true} {
			t.Run(fmt.Sprint(test.what, "/failedBefore=", failedBefore), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &outage{}
					s.fixture, s.dir = newOutage(t, true)
					var secret apikey.Secret
					s.k, secret, s.p = s.linked(usageplan.Plan{})
					require.Equal(t, gate.Admitted, s.reason(secret))
					s.dir.reads.Store(true)
					if failedBefore {
						time.Sleep(5 * time.Second)
						require.Equal(t, gate.Admitted, s.reason(secret))
					}
					require.NoError(t, test.change(s))
					for _, after := range []time.Duration{0, 5 * time.Second, time.Minute} {
						time.Sleep(after)
						d, err := s.gate.Admit(t.Context(), gate.Request{Secret: secret})
						require.Equal(t, test.allowed, d.Allowed, "after %v: %v", after, err)
						require.Equal(t, test.allowed, err == nil, "after %v: %v", after, err)
					}
				})
			})
		}
	}
}

// outage is a key with a plan, in a store that fails.
type outage struct {
	*fixture
	dir *hearing
	k   apikey.Key
	p   usageplan.Plan
}

// TestUnknownEndsStaleness has a look-up find that the key is gone. The key is not
// used again when the store fails afterwards.
func TestUnknownEndsStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newOutage(t, false)
		k, secret, _ := h.linked(usageplan.Plan{})
		require.Equal(t, gate.Admitted, h.reason(secret))
		require.NoError(t, h.keys.Delete(t.Context(), k.ID))
		time.Sleep(5 * time.Second)
		require.Equal(t, gate.Unknown, h.reason(secret))
		st.reads.Store(true)
		time.Sleep(time.Minute)
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.ErrorIs(t, err, errBroken)
		require.False(t, d.Allowed)
	})
}

// TestOutageIsLogged checks that each outage has one warning, and one line at its end.
func TestOutageIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		h, st := newOutage(t, false, func(cfg *parts) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		_, secret, _ := h.linked(usageplan.Plan{})
		require.Equal(t, gate.Admitted, h.reason(secret))
		for outages := range 3 {
			require.Equal(t, outages, strings.Count(log.String(), "level=WARN"), log.String())
			st.reads.Store(true)
			for range 100 {
				time.Sleep(time.Second)
				require.Equal(t, gate.Admitted, h.reason(secret))
			}
			synctest.Wait()
			require.Equal(t, outages+1, strings.Count(log.String(), "level=WARN"), log.String())
			st.reads.Store(false)
			time.Sleep(10 * time.Second)
			require.Equal(t, gate.Admitted, h.reason(secret))
			time.Sleep(10 * time.Second)
			require.Equal(t, gate.Admitted, h.reason(secret))
			synctest.Wait()
			require.Equal(t, outages+1, strings.Count(log.String(), "level=INFO"), log.String())
		}
		require.NotContains(t, log.String(), string(secret))
		require.Contains(t, log.String(), errBroken.Error())
	})
}

// TestBreakInSubscription disables a key while the subscription is broken, with and
// without an outage. The first request after the break finds the key disabled.
func TestBreakInSubscription(t *testing.T) {
	for _, failed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h, st := newOutage(t, true)
			k, secret, _ := h.linked(usageplan.Plan{})
			require.Equal(t, gate.Admitted, h.reason(secret))
			if failed {
				st.reads.Store(true)
				time.Sleep(5 * time.Second)
				require.Equal(t, gate.Admitted, h.reason(secret))
				synctest.Wait()
				st.reads.Store(false)
			}
			st.mute = true
			_, err := h.keys.Disable(t.Context(), k.ID)
			require.NoError(t, err)
			require.Equal(t, gate.Admitted, h.reason(secret), "the Gate has not heard of the change")
			st.changed("")
			require.Equal(t, gate.Disabled, h.reason(secret))
		})
	}
}

// TestBreakDuringFailure has a look-up fail that began before the subscription broke.
// The key is read again before it is used.
func TestBreakDuringFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, hole := newBlackHole(t)
		var changed func(id string)
		g, err := gate.New(hears{hole, &changed}, hole, memory.New(memory.Config{}), gate.Config{})
		require.NoError(t, err)
		k, secret, _ := h.linked(usageplan.Plan{})
		reason := func() gate.Reason {
			d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
			require.NoError(t, err)
			return d.Reason
		}
		require.Equal(t, gate.Admitted, reason())
		time.Sleep(5 * time.Second)
		hole.silent.Store(true)
		require.Equal(t, gate.Admitted, reason(), "the state that was read last")
		_, err = h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		changed("")
		hole.silent.Store(false)
		time.Sleep(2 * time.Second) // the first look-up has failed
		require.Equal(t, gate.Disabled, reason())
	})
}

// hears is a store that tells of changes only when the test does.
type hears struct {
	directory
	changed *func(id string)
}

func (s hears) OnChange(changed func(id string)) func() {
	*s.changed = changed
	return func() {}
}
