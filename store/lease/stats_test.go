package lease_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

// breakable is a Counter that fails while broken is set. It also counts its calls.
type breakable struct {
	inner  store.Counter
	broken atomic.Bool
	calls  atomic.Int64
}

func (b *breakable) Take(ctx context.Context, c *store.Charge) error {
	b.calls.Add(1)
	if b.broken.Load() {
		return errors.New("broken")
	}
	return b.inner.Take(ctx, c)
}

// TestOutageHasTwoLines is a timeline of a busy subject and an outage. The log has the
// outage's beginning and its end, and not a line for each settlement. TakeHere reports
// which charges were decided here.
func TestOutageHasTwoLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		inner := &breakable{inner: memory.New(memory.Config{})}
		c, err := lease.New(inner, lease.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		require.Equal(t, lease.Stats{}, c.Stats())
		bucket := store.Meter{Name: "b", Max: 1e6, Rate: store.Rate{Tokens: 1e6, Per: 1e6}}
		here := func(charges int) (n int) {
			for range charges {
				before := inner.calls.Load()
				charge := &store.Charge{At: time.Now(), Parts: []store.Part{{Subject: "s", Meters: []store.Meter{bucket}, N: []int64{1}, Levels: make([]store.Level, 1)}}}
				decided, err := c.TakeHere(t.Context(), charge)
				if decided {
					n++
					require.NoError(t, err)
				} else {
					require.NotEqual(t, before, inner.calls.Load(), "it waited for a call")
				}
				time.Sleep(100 * time.Microsecond)
			}
			return n
		}
		require.Less(t, here(1), 1, "a cold subject")
		require.Greater(t, here(10_000), 9000, "a hot one")
		require.Equal(t, lease.Stats{Subjects: 1}, c.Stats())
		inner.broken.Store(true)
		here(100_000) // 10s
		require.Equal(t, lease.Stats{Subjects: 1, Failing: true}, c.Stats())
		inner.broken.Store(false)
		here(100_000)
		require.Equal(t, lease.Stats{Subjects: 1}, c.Stats())
		require.NoError(t, c.Close(t.Context()))
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		require.Len(t, lines, 2, log.String())
		require.Regexp(t, `level=WARN msg="lease: a settlement failed: units that are leased are spent until they expire" error=.*broken`, lines[0])
		require.Regexp(t, `level=INFO msg="lease: settlements succeed again" after=(9|10)\.?\d*s settlements=\d+$`, lines[1])
	})
}
