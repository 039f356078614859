package main

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/pgtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/usageplan"
)

// TestLastUsed asks when keys and their secrets were last used, over every store and over
// leases of a shared one.
func TestLastUsed(t *testing.T) {
	redis := func(t *testing.T) string { return "redis://" + redistest.Start(t) }
	for name, c := range map[string]struct {
		store func(t *testing.T) string
		lease *lease.Config
	}{
		"memory":   {func(*testing.T) string { return "memory" }, nil},
		"redis":    {redis, nil},
		"leases":   {redis, &lease.Config{}},
		"sqlite":   {func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "ration.db") }, nil},
		"postgres": {func(t *testing.T) string { return pgtest.Start(t).Database(t) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := stores.Open(t.Context(), c.store(t), slog.New(slog.NewTextHandler(io.Discard, nil)))
			require.NoError(t, err)
			t.Cleanup(func() { _ = st.Close() })
			g, err := gate.New(st.Backend, st.Backend, st.Backend, gate.Config{Lease: c.lease, Timeout: time.Minute})
			require.NoError(t, err)
			t.Cleanup(func() { _ = g.Close() })
			rotate(t, st, g, c.lease != nil)
		})
	}
}

// rotate uses a key at times of the past, before and after its secret was rotated. Leases
// charge what was spent at the time of a later request. So a use of an earlier day may
// read as one at the end of that day.
func rotate(t *testing.T, st *stores.Opened, g *gate.Gate, leased bool) {
	ctx, now := t.Context(), time.Now().UTC()
	keys, err := apikey.NewService(st.Backend, apikey.Config{})
	require.NoError(t, err)
	plans, err := usageplan.NewService(st.Backend, st.Backend, usageplan.Config{})
	require.NoError(t, err)
	_, err = plans.Create(ctx, usageplan.Plan{ID: "plan", Quotas: []quota.Quota{{Limit: 1000, Period: quota.Day}}})
	require.NoError(t, err)
	_, old, err := keys.Create(ctx, apikey.Key{ID: "used", Enabled: true})
	require.NoError(t, err)
	_, _, err = keys.Create(ctx, apikey.Key{ID: "unused", Enabled: true})
	require.NoError(t, err)
	for _, id := range []string{"used", "unused"} {
		require.NoError(t, plans.Link(ctx, "plan", id))
	}

	use := func(secret apikey.Secret, ago time.Duration) time.Time {
		at := now.Add(-ago)
		for range 5 { // so that leases begin
			d, err := g.Admit(ctx, gate.Request{Secret: secret, At: at})
			require.NoError(t, err)
			require.True(t, d.Allowed)
		}
		return at.Truncate(time.Minute)
	}
	last := func() gate.LastUse {
		uses, err := g.LastUsed(ctx, "used", "unused")
		require.NoError(t, err)
		require.Equal(t, gate.LastUse{KeyID: "unused"}, uses[1])
		return uses[0]
	}
	at := use(old, 50*24*time.Hour)
	require.Equal(t, gate.LastUse{KeyID: "used", At: at}, last())

	k, young, err := keys.Rotate(ctx, "used", time.Hour)
	require.NoError(t, err)
	g2, err := gate.New(st.Backend, st.Backend, g.Counter(), gate.Config{Timeout: time.Minute}) // has not cached the key
	require.NoError(t, err)
	g = g2
	retiring := use(old, 30*time.Hour)
	current := use(young, 2*time.Minute)
	u := last()
	require.True(t, k.RetiringUntil.Equal(u.Rotation.RetiringUntil))
	u.Rotation.RetiringUntil = time.Time{}
	if leased {
		const day = 24 * time.Hour
		require.WithinRange(t, u.Rotation.Retiring, retiring, retiring.Truncate(day).Add(day))
		u.Rotation.Retiring = retiring
	}
	require.Equal(t, gate.LastUse{KeyID: "used", At: current, Rotation: &gate.RotationUse{Current: current, Retiring: retiring}}, u)
}
