package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// unused returns the IDs of the keys that Unused lists.
func (h *fixture) unused(age time.Duration) (ids []string) {
	h.t.Helper()
	for u, err := range h.gate.Unused(h.t.Context(), age) {
		require.NoError(h.t, err)
		ids = append(ids, u.KeyID)
	}
	return ids
}

func TestUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		h := newTree(t)
		h.days(map[string]int64{"day": 1000})
		secrets := map[string]apikey.Secret{}
		for _, id := range []string{"never", "once", "busy", "disabled", "expired"} {
			secrets[id] = h.member(id, "", "day")
		}
		secrets["broken"] = h.member("broken", "nowhere")
		edit := func(id string, change func(*apikey.Key) error) {
			require.NoError(t, second(h.keys.Update(t.Context(), id, change)))
		}
		edit("disabled", func(k *apikey.Key) error { k.Enabled = false; return nil })
		edit("expired", func(k *apikey.Key) error { k.Expires = time.Now().Add(day); return nil })
		h.use(secrets["busy"], time.Now())
		time.Sleep(5 * day)
		h.use(secrets["once"], time.Now())
		require.Equal(t, []string{"busy", "never"}, h.unused(4*day))
		require.Empty(t, h.unused(6*day), "all keys are younger")

		time.Sleep(85*day + time.Hour)
		h.use(secrets["busy"], time.Now())
		h.member("young", "", "day")
		require.Equal(t, []string{"never"}, h.unused(90*day))
		require.Equal(t, []string{"once", "never"}, h.unused(85*day))
		time.Sleep(5 * day)
		require.Equal(t, []string{"once", "never"}, h.unused(90*day))
		require.Equal(t, []string{"young", "busy", "once", "never"}, h.unused(4*day))
	})
}

// TestUnusedStops reads no further page once its caller stops. It refuses an age of which
// nothing is known.
func TestUnusedStops(t *testing.T) {
	h := newFixture(t)
	for _, age := range []time.Duration{0, time.Second, 90*24*time.Hour + 1} {
		for _, err := range h.gate.Unused(t.Context(), age) {
			require.ErrorIs(t, err, gate.ErrInvalid)
			require.ErrorContains(t, err, "gate: invalid report: age: "+age.String()+": want 1m to 2160h0m0s, see Config.Keep")
		}
	}
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		for range 600 {
			h.key("key")
		}
		time.Sleep(time.Hour)
		seen := 0
		for _, err := range h.gate.Unused(t.Context(), time.Minute) {
			require.NoError(t, err)
			if seen++; seen == 3 {
				break
			}
		}
		require.Equal(t, 3, seen)
		require.Len(t, h.unused(time.Minute), 600)
	})
}
