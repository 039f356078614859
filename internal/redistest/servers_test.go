package redistest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStartCluster(t *testing.T) {
	t.Parallel()
	c := StartCluster(t)
	require.Len(t, c.Addrs, 6)
	slot := c.Slot(t, "ration:{a}")
	before := c.owner(t, slot)
	c.Migrate(t, slot)
	moved := c.owner(t, slot)
	require.NotEqual(t, before.addr, moved.addr)
	c.Failover(t, slot)
	require.NotEqual(t, moved.addr, c.owner(t, slot).addr)
}

func TestStartSentinel(t *testing.T) {
	t.Parallel()
	s := StartSentinel(t)
	before := s.master(t)
	s.Failover(t)
	require.NotEqual(t, before, s.master(t))
}

func TestStartTLS(t *testing.T) {
	addr, cfg := StartTLS(t)
	require.NotEmpty(t, addr)
	require.NotNil(t, cfg.RootCAs)
}
