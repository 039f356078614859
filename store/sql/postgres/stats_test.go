package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestStats has another program lock the row of a subject. One batch is in flight then,
// and the other charges of the subject wait.
func TestStats(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	meter := window("quota", 1000)
	require.NoError(t, s.Take(t.Context(), store.NewCharge("a", 1, meter)))
	require.Eventually(t, func() bool { return s.Stats() == Stats{} }, 10*time.Second, time.Millisecond)
	release := held(t, s, "a")

	const callers = 300 // more than a batch has
	ended := make(chan error, callers)
	for range callers {
		go func() { ended <- s.Take(t.Context(), store.NewCharge("a", 1, meter)) }()
	}
	require.Eventually(t, func() bool { return s.Stats().Batches == 1 && s.Stats().Waiting > 0 }, 10*time.Second, time.Millisecond)
	release()
	for range callers {
		require.NoError(t, <-ended)
	}
	require.Eventually(t, func() bool { return s.Stats() == Stats{} }, 10*time.Second, time.Millisecond)
}
