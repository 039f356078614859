package redistest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStart(t *testing.T) {
	var addrs [2]string
	t.Run("while the test runs", func(t *testing.T) {
		for i := range addrs {
			addrs[i] = Start(t, "--maxmemory", "64mb")
			require.True(t, answers(addrs[i]))
		}
		require.NotEqual(t, addrs[0], addrs[1])
	})
	for _, addr := range addrs {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		require.Error(t, err, "%s outlives its test", addr)
	}
}

func TestStartFails(t *testing.T) {
	program := t.TempDir() + "/no-such-program"
	_, err := start(t, program, nil)
	require.Error(t, err)
}

func TestRestart(t *testing.T) {
	s := StartServer(t)
	for range 2 {
		s.Kill()
		require.False(t, answers(s.Addr))
		s.Restart(t)
		require.True(t, answers(s.Addr))
	}
}
