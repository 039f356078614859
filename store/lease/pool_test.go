package lease_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/lease"
)

// TestRefillsAreFew spends a block while the next one cannot be fetched. Few charges try
// to fetch it, since each of them takes the lock.
func TestRefillsAreFew(t *testing.T) {
	require.LessOrEqual(t, lease.Refills(1<<16), 16)
	require.Positive(t, lease.Refills(1<<16))
}
