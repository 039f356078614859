package standin

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Installed returns the path of an Envoy: that of the variable ENVOY, or an envoy on the
// PATH. Without one it returns "", or fails the test if RATION_REQUIRE_ENVOY is set.
func Installed(t testing.TB) string {
	if path := os.Getenv("ENVOY"); path != "" {
		return path
	}
	path, err := exec.LookPath("envoy")
	if err != nil && os.Getenv("RATION_REQUIRE_ENVOY") != "" {
		t.Fatal("RATION_REQUIRE_ENVOY is set, and there is no envoy on the PATH")
	}
	return path
}

// Start starts an Envoy with a configuration, and waits until it listens at addr. The end
// of the test kills it.
func Start(t testing.TB, program, config, addr string) {
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	var log bytes.Buffer
	cmd := exec.Command(program, "-c", file, "--concurrency", "1", "--use-dynamic-base-id", "-l", "warning")
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // this process alone, by its ID
		<-ended
		if t.Failed() {
			t.Log(log.String())
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ended:
			t.Fatalf("envoy has ended: %s", strings.TrimSpace(log.String()))
		case <-ctx.Done():
			t.Fatal("envoy does not listen after 30s")
		}
	}
}
