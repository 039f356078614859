package gate_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// How far a distant store is, for a look-up of a key and for a charge.
const (
	lookupDelay = 7 * time.Millisecond
	chargeDelay = 3 * time.Millisecond
)

// faraway is a store that takes its time.
type faraway struct {
	*memory.Store
	apart
	broken bool // look-ups fail
	full   bool // charges fail
}

func (s *faraway) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	time.Sleep(lookupDelay)
	if s.broken {
		return apikey.Key{}, errBroken
	}
	return s.Store.KeyByDigest(ctx, d)
}

func (s *faraway) Take(ctx context.Context, c *store.Charge) error {
	time.Sleep(chargeDelay)
	if s.full {
		return errBroken
	}
	return s.Store.Take(ctx, c)
}

// witness keeps what it is told.
type witness struct {
	decided   []gate.Decided
	corrected []gate.Corrected
}

func (w *witness) Decided(_ context.Context, d gate.Decided) { w.decided = append(w.decided, d) }
func (w *witness) Corrected(_ context.Context, c gate.Corrected) {
	w.corrected = append(w.corrected, c)
}

// TestDecided is a timeline of decisions by a distant store. Each has what the Observer
// is told of it.
func TestDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(witness)
		st := &faraway{Store: memory.New(memory.Config{})}
		h := newFixture(t, func(p *parts) {
			p.Keys, p.Plans, p.Counter = st, silent{st, st}, st
			p.Observer = seen
			p.MaxAge = 10 * time.Second
			p.OnFailure.Quota = gate.FailOpen
		})
		h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
		_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(3)})
		elsewhere := memory.New(memory.Config{})
		_, unknown, err := must(apikey.NewService(elsewhere, apikey.Config{})).Create(t.Context(), apikey.Key{Enabled: true})
		require.NoError(t, err)
		admit := func(id string) func() {
			return func() { _, _ = h.gate.Admit(t.Context(), gate.Request{Secret: secret, ID: id}) }
		}
		both := lookupDelay + chargeDelay
		for _, step := range []struct {
			what                string
			do                  func()
			reason              gate.Reason
			flags               string // those of the Outcome that are set
			cached              bool
			keyAge              time.Duration
			took, counter, wait time.Duration
		}{
			{what: "the key is read", do: admit(""), reason: gate.Admitted, took: both, counter: chargeDelay},
			{what: "the key is cached", do: admit("a"), reason: gate.Admitted, cached: true, took: chargeDelay, counter: chargeDelay},
			{what: "the ID is known", do: admit("a"), reason: gate.Admitted, flags: "repeated", cached: true, took: chargeDelay, counter: chargeDelay},
			{what: "Peek", do: func() { _, _ = h.gate.Peek(t.Context(), gate.Request{Secret: secret}) },
				reason: gate.Admitted, flags: "peeked", cached: true, took: chargeDelay, counter: chargeDelay},
			{what: "the last one", do: admit(""), reason: gate.Admitted, cached: true, took: chargeDelay, counter: chargeDelay},
			{what: "the quota refuses", do: admit(""), reason: gate.QuotaExceeded, cached: true, took: chargeDelay, counter: chargeDelay},
			{what: "another secret", do: func() { h.reason(unknown) }, reason: gate.Unknown, took: lookupDelay},
			{what: "a secret of a wrong form", do: func() { h.reason(secret + "x") }, reason: gate.Unknown, cached: true},
			{what: "it is remembered", do: func() { h.reason(unknown) }, reason: gate.Unknown, cached: true},
			{what: "the Counter fails", do: func() { st.full = true; admit("")(); st.full = false },
				reason: gate.StoreFailed, flags: "degraded", cached: true, took: chargeDelay, counter: chargeDelay},
			{what: "keys cannot be read", do: func() { st.broken = true; admit("")() },
				wait: 15 * time.Second, reason: gate.QuotaExceeded, keyAge: 5 * time.Second, took: both, counter: chargeDelay},
			{what: "until the next attempt", do: admit(""), wait: time.Millisecond,
				reason: gate.QuotaExceeded, cached: true, keyAge: 5*time.Second + both + time.Millisecond, took: chargeDelay, counter: chargeDelay},
			{what: "the next attempt keeps no request waiting", do: func() { st.broken = false; admit("")() },
				wait: 10 * time.Second, reason: gate.QuotaExceeded, keyAge: 15 * time.Second, took: chargeDelay, counter: chargeDelay},
			{what: "the key is read", do: admit(""), wait: lookupDelay,
				reason: gate.QuotaExceeded, cached: true, took: chargeDelay, counter: chargeDelay},
		} {
			time.Sleep(step.wait)
			seen.decided = nil
			at := time.Now()
			step.do()
			require.Len(t, seen.decided, 1, step.what)
			d := seen.decided[0]
			require.Equal(t, step.reason, d.Outcome.Reason, step.what)
			require.Equal(t, step.flags, flagsOf(d.Outcome), step.what)
			require.Equal(t, step.cached, d.Cached, step.what)
			require.InDelta(t, step.keyAge, d.KeyAge, float64(12*both), step.what)
			require.Equal(t, step.keyAge == 0, d.KeyAge == 0, step.what)
			require.True(t, d.Timed, step.what)
			require.Equal(t, step.took, d.Took, step.what)
			require.Equal(t, step.counter, d.CounterTook, step.what)
			require.WithinDuration(t, at, d.Request.At, 0, step.what)
		}
	})
}

// flagsOf returns the names of the flags of o that are set.
func flagsOf(o gate.Outcome) (names string) {
	for _, flag := range []struct {
		set  bool
		name string
	}{{o.Peeked, "peeked"}, {o.Repeated, "repeated"}, {o.Degraded, "degraded"}} {
		if flag.set {
			names += flag.name
		}
	}
	return names
}

// TestCorrected is a timeline of corrections. Each has what the Observer is told of it.
func TestCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(witness)
		st := &faraway{Store: memory.New(memory.Config{})}
		h := newTokens(t, func(p *parts) { p.Counter, p.Observer = st, seen })
		_, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(100)})
		ask := func(n int64) *gate.Decision {
			d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret, Costs: costs(n)})
			require.NoError(t, err)
			return &d
		}
		settle := func(d *gate.Decision, n int64) { _ = h.gate.Settle(t.Context(), d, costs(n)) }
		var first *gate.Decision
		for _, step := range []struct {
			what string
			do   func()
			want string // of the Corrected; empty: there is none
		}{
			{"it used less", func() { first = ask(10); settle(first, 4) }, "settled to 4, charged 10: <nil>, took 3ms"},
			{"again", func() { settle(first, 5) }, ""},
			{"it used just that", func() { settle(ask(5), 5) }, ""},
			{"a refusal", func() { settle(ask(101), 5) }, ""},
			{"a negative cost", func() { settle(ask(1), -1) }, ""},
			{"a refund", func() { _ = h.gate.Refund(t.Context(), ask(7)) }, "refunded, charged 7: <nil>, took 3ms"},
			{"the Counter fails", func() { d := ask(5); st.full = true; settle(d, 6); st.full = false }, "settled to 6, charged 5: gate: settle: broken, took 3ms"},
		} {
			seen.corrected = nil
			step.do()
			if step.want == "" {
				require.Empty(t, seen.corrected, step.what)
				continue
			}
			require.Len(t, seen.corrected, 1, step.what)
			c := seen.corrected[0]
			kind := fmt.Sprintf("settled to %d", c.Actual[0])
			if c.Refund {
				kind = "refunded"
			}
			require.Equal(t, step.want, fmt.Sprintf("%s, charged %d: %v, took %v", kind, c.Outcome.Costs[0], c.Err, c.Took), step.what)
		}
		require.EqualValues(t, 1, h.gate.Stats().CounterOutage.Outages, "the failed Settle")
	})
}

// TestTimedOneIn64 checks that of decisions in memory about one in 64 is timed.
func TestTimedOneIn64(t *testing.T) {
	const decisions = 64 * 1000
	timed := 0
	h := newFixture(t, func(p *parts) {
		p.Observer = toldOf(func(d gate.Decided) {
			if d.Timed {
				timed++
			} else if d.Took != 0 || d.CounterTook != 0 {
				t.Error("untimed, and it took ", d.Took)
			}
		})
	})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(1e9)})
	for range decisions {
		h.reason(secret)
	}
	require.InDelta(t, decisions/64, timed, decisions/64*0.5)
}

// toldOf is an Observer of decisions.
type toldOf func(gate.Decided)

func (f toldOf) Decided(_ context.Context, d gate.Decided) { f(d) }
func (f toldOf) Corrected(context.Context, gate.Corrected) {}

// TestTimedLeases checks that with leases each decision that waits for the Counter is
// timed, and most others are not.
func TestTimedLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &faraway{Store: memory.New(memory.Config{})}
		var took time.Duration
		var d gate.Decided
		here, waited, timed := 0, 0, 0
		g, err := gate.New(st.Store, st.Store, st, gate.Config{
			Lease:    &lease.Config{},
			Observer: toldOf(func(told gate.Decided) { d = told }),
		})
		require.NoError(t, err)
		defer g.Close()
		h := newFixture(t, func(p *parts) { p.Keys, p.Plans, p.Counter = st.Store, st.Store, st.Store })
		h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
		_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(1e9)})
		for range 10_000 {
			time.Sleep(10 * time.Microsecond)
			began := time.Now()
			_, err := g.Admit(t.Context(), gate.Request{Secret: secret})
			require.NoError(t, err)
			switch took = time.Since(began); {
			case took > 0:
				waited++
				require.True(t, d.Timed)
				require.Equal(t, took, d.Took)
				require.Equal(t, took, d.CounterTook)
			case d.Timed:
				timed++
				fallthrough
			default:
				here++
			}
		}
		require.Positive(t, waited)
		require.Greater(t, here, 9000)
		require.InDelta(t, here/64, timed, float64(here)/64*0.5)
	})
}
