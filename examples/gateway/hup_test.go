package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// breakable is a store whose plans cannot be listed while it is broken.
type breakable struct {
	*memory.Store
	broken atomic.Bool
}

func (b *breakable) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	if b.broken.Load() {
		return nil, "", errors.New("broken")
	}
	return b.Store.Plans(ctx, cursor, limit)
}

// TestHangupInOutage sends a SIGHUP while the store is down. The file has not changed,
// but what it declares has. It is applied once the store is back, as the log has said.
func TestHangupInOutage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plans.yaml")
	write(t, path, "plans: [{id: p, quotas: [1/day]}]\n")
	synctest.Test(t, func(t *testing.T) {
		st := &breakable{Store: memory.New(memory.Config{})}
		var s plans.Services
		var err error
		s.Keys, err = apikey.NewService(st, apikey.Config{})
		require.NoError(t, err)
		s.Plans, err = usageplan.NewService(st, st, usageplan.Config{})
		require.NoError(t, err)
		d := &declared{services: s, path: path, loads: new(loads), log: slog.New(slog.NewTextHandler(io.Discard, nil))}
		hup := make(chan os.Signal, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go d.reloadOn(ctx, hup)

		time.Sleep(time.Minute)
		_, err = s.Plans.Get(t.Context(), "p")
		require.NoError(t, err)
		require.NoError(t, s.Plans.Delete(t.Context(), "p"))
		st.broken.Store(true)
		hup <- syscall.SIGHUP
		time.Sleep(time.Minute)
		st.broken.Store(false)
		time.Sleep(time.Minute)
		_, err = s.Plans.Get(t.Context(), "p")
		require.NoError(t, err)
	})
}
