//go:build !race

// The race detector makes a sync.Pool forget at random.

package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// admits is a Counter that admits everything. It has neither TakeOne nor Peek.
type admits struct{ levels int }

// Take implements store.Counter.
func (a *admits) Take(_ context.Context, c *store.Charge) error {
	c.OK = true
	a.levels += len(c.Parts[0].Levels)
	return nil
}

// TestFallbackAllocs checks that One allocates nothing with a Counter that is not a
// OneTaker. Peek allocates one Charge, however many subjects and meters there are.
func TestFallbackAllocs(t *testing.T) {
	c, m := &admits{}, bucket(5, perDay)
	one := store.One(c)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _, _ = one.TakeOne(t.Context(), "a", &m, time.Time{}, 1) }))

	meters, subjects := manyMeters[:], []string{"a", "b", "c", "d"}
	levels := make([]store.Level, len(meters)*len(subjects))
	c.levels = 0
	allocs := testing.AllocsPerRun(100, func() { _ = store.Peek(t.Context(), c, time.Time{}, subjects, meters, levels, nil) })
	require.LessOrEqual(t, allocs, 1.0)
	require.Equal(t, 101*len(levels), c.levels)
}
