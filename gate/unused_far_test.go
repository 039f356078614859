package gate_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
)

// TestUnusedOfFarPast has a Keep longer than usage records are kept. Nothing is known of
// an age beyond quota.MaxWindows days, so such an age is refused. A key that was used
// within it would be listed otherwise.
func TestUnusedOfFarPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		h := newTree(t, func(cfg *parts) { cfg.Keep = 800 * day })
		h.days(map[string]int64{"day": 1000})
		secret := h.member("a", "", "day")
		time.Sleep(400 * day)
		h.use(secret, time.Now())
		time.Sleep(370 * day)
		for u, err := range h.gate.Unused(t.Context(), 500*day) {
			require.ErrorIs(t, err, gate.ErrInvalid, "%+v", u)
			require.ErrorContains(t, err, "age: 12000h0m0s: want 1m to 8760h0m0s")
		}
		require.Equal(t, []string{"a"}, h.unused(365*day))
		require.Zero(t, h.lastUsed("a").At)
	})
}
