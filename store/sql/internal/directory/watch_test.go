package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWatch has a server that is away, comes back, and ends each connection at once.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := New(nil, &Postgres, "store/test")
		told := 0
		defer s.OnChange(func(id string) {
			require.Empty(t, id)
			told++
		})()
		ctx, cancel := context.WithCancel(t.Context())
		attempts, back := 0, false
		ended := make(chan error, 1)
		go func() {
			ended <- Watch(ctx, s, slog.New(slog.NewTextHandler(&log, nil)), nil, func(_ context.Context, heard func()) error {
				attempts++
				if back {
					heard()
				}
				return fmt.Errorf("read 127.0.0.1:%d: reset", 40_000+attempts)
			})
		}()

		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.True(t, s.ListenerState().Running)
		require.Equal(t, 1, told, "OnChange itself")
		require.InDelta(t, 600, attempts, 20, "one a second")
		require.Equal(t, 1, strings.Count(log.String(), "not heard"), log.String())

		back = true
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 2, strings.Count(log.String(), "not heard"), log.String())
		require.Equal(t, 2, strings.Count(log.String(), "heard again"), log.String())
		require.Greater(t, told, 10, "a Gate reads everything again after each break")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.InDelta(t, 12, strings.Count(log.String(), "not heard"), 1, "once a minute")

		back = false
		time.Sleep(time.Minute)
		cancel()
		err := <-ended
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "store/test: run: context canceled: read 127.0.0.1:")
		require.False(t, s.ListenerState().Running)
	})
}

// TestWatchStops checks that a Watch ends with the error that stops it.
func TestWatchStops(t *testing.T) {
	closed := errors.New("closed")
	err := Watch(t.Context(), New(nil, &SQLite, "store/test"), nil, closed, func(context.Context, func()) error {
		return fmt.Errorf("listen: %w", closed)
	})
	require.EqualError(t, err, "store/test: run: listen: closed")
}
