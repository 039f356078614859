package gate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestMistakes makes each mistake that a Gate finds itself, without a Logger.
func TestMistakes(t *testing.T) {
	for _, test := range []struct {
		want gate.Mistake
		make func(h *fixture, st *runnable) apikey.Secret
	}{
		{gate.NotListening, func(h *fixture, _ *runnable) apikey.Secret {
			_, secret, _ := h.linked(usageplan.Plan{})
			return secret
		}},
		{gate.BrokenGroup, func(h *fixture, st *runnable) apikey.Secret {
			st.running.Store(true)
			_, secret, err := h.keys.Create(t.Context(), apikey.Key{Name: "k", GroupID: "missing", Enabled: true})
			require.NoError(t, err)
			return secret
		}},
		{gate.BrokenPlan, func(h *fixture, st *runnable) apikey.Secret {
			st.running.Store(true)
			_, secret, p := h.linked(usageplan.Plan{})
			p.Throttles = tokensPerSecond(1, 1) // of a unit that the Gate does not have
			require.NoError(t, st.UpdatePlan(t.Context(), p))
			return secret
		}},
	} {
		t.Run(test.want.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &runnable{Store: memory.New(memory.Config{})}
				h := newFixture(t, func(p *parts) { p.Keys, p.Plans, p.Counter = st, st, st.Store })
				h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
				secret := test.make(h, st)
				for range 2 {
					_, _ = h.gate.Admit(t.Context(), gate.Request{Secret: secret})
					time.Sleep(time.Minute)
				}
				for _, m := range h.gate.Stats().Mistakes {
					if m.Mistake == test.want {
						require.Positive(t, m.Count)
					} else {
						require.Zero(t, m.Count, m.Mistake)
					}
				}
			})
		})
	}
}

// TestMistakeNames checks that each Mistake has a name, and that others are not counted.
func TestMistakeNames(t *testing.T) {
	h := newFixture(t)
	seen := map[string]bool{}
	all := h.gate.Stats().Mistakes
	for _, m := range all {
		require.NotEmpty(t, m.Mistake.String())
		seen[m.Mistake.String()] = true
	}
	require.Len(t, seen, len(all))
	beyond := gate.Mistake(len(all))
	require.True(t, strings.HasPrefix(beyond.String(), "mistake("))
	h.gate.NoteMistake(beyond)
	require.Equal(t, all, h.gate.Stats().Mistakes)
}

// denied is a store that denies every call.
type denied struct {
	*memory.Store
	apart
}

var errDenied = fmt.Errorf("%w: NOPERM", store.ErrDenied)

func (denied) KeyByDigest(context.Context, apikey.Digest) (apikey.Key, error) {
	return apikey.Key{}, errDenied
}

func (denied) Take(context.Context, *store.Charge) error { return errDenied }

// TestDeniedIsCounted has stores that deny the credential of the service.
func TestDeniedIsCounted(t *testing.T) {
	for _, test := range []struct {
		what          string
		change        func(p *parts)
		keys, counter int64
	}{
		{"keys", func(p *parts) { p.Keys = denied{Store: p.Keys.(*memory.Store)} }, 1, 0},
		{"the Counter", func(p *parts) { p.Counter = denied{Store: p.Counter.(*memory.Store)} }, 0, 1},
		{"nothing", func(*parts) {}, 0, 0},
	} {
		t.Run(test.what, func(t *testing.T) {
			h := newFixture(t, test.change)
			_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(5)})
			_, _ = h.gate.Admit(t.Context(), gate.Request{Secret: secret})
			s := h.gate.Stats()
			require.Equal(t, test.keys, s.KeyOutage.Denied)
			require.Equal(t, test.counter, s.CounterOutage.Denied)
		})
	}
}
