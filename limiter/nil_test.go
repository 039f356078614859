package limiter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
)

// TestNil checks that New refuses a nil Counter, also a nil pointer in the interface.
func TestNil(t *testing.T) {
	_, err := limiter.New((*memory.Store)(nil), limiter.PerSecond(1), limiter.Config{})
	require.ErrorIs(t, err, limiter.ErrInvalid)
	require.ErrorContains(t, err, "counter: nil *memory.Store: want a store.Counter")
	_, err = limiter.New(nil, limiter.PerSecond(1), limiter.Config{})
	require.ErrorContains(t, err, "counter: nil: want a store.Counter")
}
