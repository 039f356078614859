package usageplan_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// newOutage returns a house over a directory that fails when it is told to. With tells, the
// directory tells the Gate of changes.
func newOutage(t *testing.T, tells bool, change ...func(*usageplan.GateConfig)) (*house, *broken) {
	st := &broken{Store: memory.New(memory.Config{})}
	h := newHouse(t, append(change, func(cfg *usageplan.GateConfig) {
		cfg.Keys, cfg.Plans, cfg.Counter = st, st, st
		if !tells {
			quiet := silent{st, st}
			cfg.Keys, cfg.Plans = quiet, quiet
		}
	})...)
	h.keys, h.plans = apikey.NewService(st, apikey.Config{}), usageplan.NewService(st, st, usageplan.ServiceConfig{})
	return h, st
}

// TestOutage is the timeline of a directory that fails for longer than MaxStale, which is 1h. Keys are
// known, unknown, or known and expired meanwhile.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newOutage(t, false)
		_, known, _ := h.linked(usageplan.Plan{Throttle: throttle(1, 2)})
		_, never, _ := h.linked(usageplan.Plan{})
		k, mortal, _ := h.linked(usageplan.Plan{})
		_, err := h.keys.Update(t.Context(), k.ID, func(k *apikey.Key) error {
			k.Expires = time.Now().Add(10 * time.Minute)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, usageplan.Admitted, h.reason(known))
		require.Equal(t, usageplan.Admitted, h.reason(mortal))
		st.reads.Store(true)
		began := time.Now()
		for _, step := range []struct {
			after         time.Duration
			known, mortal bool
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
			}{"known": {known, step.known}, "mortal": {mortal, step.mortal}, "never seen": {never, false}} {
				d, err := h.gate.Admit(t.Context(), usageplan.Request{Secret: test.secret})
				require.Equal(t, test.allowed, d.Allowed, "%s, after %v", what, step.after)
				require.Equal(t, test.allowed, err == nil, "%s, after %v: %v", what, step.after, err)
			}
		}
		st.reads.Store(false)
		for _, secret := range []apikey.Secret{known, never} {
			require.Equal(t, usageplan.Admitted, h.reason(secret))
		}
		require.Equal(t, usageplan.Expired, h.reason(mortal))
	})
}
