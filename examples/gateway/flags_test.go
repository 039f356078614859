package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestErrorsOfFlags runs the programs with a flag that they do not have. Each says so
// once.
func TestErrorsOfFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"."}, {"./plans", "diff"}} {
		out, err := exec.Command("go", append(append([]string{"run"}, args...), "-stoer", "x")...).CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(string(out), "flag provided but not defined: -stoer"), string(out))
	}
}

// TestLogRefusals checks that a gateway logs one refusal a second, unless it is told not
// to, and never a secret.
func TestLogRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want int
	}{{nil, 1}, {[]string{"-log-refusals", "3"}, 3}, {[]string{"-log-refusals", "0"}, 0}} {
		gw := start(t, c.args...)
		_, keyID, value := gw.plan(perDay(2))
		for range 8 {
			gw.get(value)
		}
		require.NoError(t, gw.stop())
		lines := 0
		for line := range strings.Lines(gw.logs.String()) {
			if strings.Contains(line, "ration: refused") {
				require.Contains(t, line, keyID)
				require.Contains(t, line, "quota_exceeded")
				lines++
			}
		}
		// The 6 refusals may be in two seconds.
		require.GreaterOrEqual(t, lines, c.want)
		require.LessOrEqual(t, lines, 2*c.want)
		require.NotContains(t, gw.logs.String(), value)
	}
	_, err := parse([]string{"-log-refusals", "-1"}, &logs{})
	require.ErrorContains(t, err, "-log-refusals: -1: want 0 or more")
}
