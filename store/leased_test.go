package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestLeasedSubject checks that a count is of the family of its subject, and leads back
// to it. A subject may be too long for a count.
func TestLeasedSubject(t *testing.T) {
	for _, subject := range []string{"key/plan", "@acme", "@acme>@search", "@acme>key/plan", "\xffaccount"} {
		count, ok := store.LeasedSubject(subject)
		require.True(t, ok)
		require.NotEqual(t, subject, count)
		require.Equal(t, store.Family(subject), store.Family(count))
		of, isCount := store.CutLeased(count)
		require.True(t, isCount)
		require.Equal(t, subject, of)
		of, isCount = store.CutLeased(subject)
		require.False(t, isCount)
		require.Equal(t, subject, of)
	}
	_, ok := store.LeasedSubject(strings.Repeat("x", store.MaxSubject-7))
	require.False(t, ok)
	count, ok := store.LeasedSubject(strings.Repeat("x", store.MaxSubject-8))
	require.True(t, ok)
	require.NoError(t, store.NewCharge(count, 1, store.Meter{Name: "day", Max: 1, End: 1}).Check())
}
