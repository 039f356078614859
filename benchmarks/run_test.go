package benchmarks

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBenchmarks runs the body of every benchmark a few times, so that the benchmarks
// work when somebody measures. Each benchmark checks its own results.
func TestBenchmarks(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program,
		"-test.run=^$", "-test.bench=.", "-test.benchtime=100x", "-test.cpu=2", "-test.short")
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	for _, name := range []string{
		"Throttle/impl=ration/keys=spread/result=refuse", "Admit/keys=spread", "Admit/groups=2/keys=hot", "Turns/Groups", "Floor/keys=spread", "GoMap/n=10000/next=found",
		"Middleware/impl=ration", "Turns/Throttle/result=refuse", "RedisTurns/callers=256", "Leases/keys=hot", "LeasedRefusals",
	} {
		require.Contains(t, string(text), "\nBenchmark"+name+"-2 ")
	}
}
