package storetest

import (
	"context"
	"errors"
	"flag"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// closing is a database that is closed when the test that opened it has ended.
type closing struct {
	*model
	closed, late atomic.Bool
	callers      atomic.Int64
	most         atomic.Int64 // callers at once
}

func (c *closing) Take(ctx context.Context, charge *store.Charge) error {
	if c.closed.Load() {
		c.late.Store(true)
		return errors.New("database is closed")
	}
	c.most.Store(max(c.most.Load(), c.callers.Add(1)))
	defer c.callers.Add(-1)
	return c.model.Take(ctx, charge)
}

// TestBenchmark runs the benchmark on a store that is closed in tb.Cleanup.
func TestBenchmark(t *testing.T) {
	benchtime := flag.Lookup("test.benchtime").Value.String()
	require.NoError(t, flag.Set("test.benchtime", "200x"))
	t.Cleanup(func() { require.NoError(t, flag.Set("test.benchtime", benchtime)) })

	var all []*closing
	processors := runtime.GOMAXPROCS(0)
	testing.Benchmark(func(b *testing.B) {
		BenchmarkCounter(b, func(tb testing.TB) store.Counter {
			c := &closing{model: newModel()}
			tb.Cleanup(func() { c.closed.Store(true) })
			all = append(all, c)
			return c
		})
		assert.False(t, b.Failed())
	})
	require.Len(t, all, 4, "a counter for each benchmark")
	for _, c := range all {
		require.False(t, c.late.Load(), "a charge after the clean-up")
		require.True(t, c.closed.Load(), "closed at the end")
		require.LessOrEqual(t, len(c.states), 3*4096, "a size for a database")
		require.LessOrEqual(t, c.most.Load(), int64(64))
	}
	require.Equal(t, processors, runtime.GOMAXPROCS(0))
}
