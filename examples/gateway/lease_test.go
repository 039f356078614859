package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
)

// TestLease checks that a gateway with leases asks Redis less often than it decides. When
// it is told to stop, it gives back what it has leased and not spent. Then another
// gateway shows exactly what was admitted.
func TestLease(t *testing.T) {
	t.Parallel()
	addr := redistest.Start(t)
	leasing, _ := process(t, program(t), "-store", "redis://"+addr, "-lease")
	planID, keyID, value := leasing.plan(perDay(1_000_000))
	before := scripts(t, addr)
	counts := leasing.crowd(value, 5000)
	passed := counts["pass"]
	require.Greater(t, passed, 4000, counts)
	require.Less(t, scripts(t, addr)-before, passed/2, "calls of scripts")
	http.DefaultClient.CloseIdleConnections() // so that it stops at once, with its leases
	require.NoError(t, leasing.stop())

	exact := start(t, "-store", "redis://"+addr)
	used, remaining := exact.usage(planID, keyID)
	require.Equal(t, 1_000_000, used+remaining)
	// On a busy machine the store may be late. A request that was refused for that may have
	// been charged.
	require.GreaterOrEqual(t, used, passed, counts)
	require.LessOrEqual(t, used, passed+counts[unavailable], counts)
}

// scripts returns how many scripts a Redis has run.
func scripts(t *testing.T, addr string) int {
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprint(conn, "INFO commandstats\r\nPING\r\n")
	require.NoError(t, err)
	var text strings.Builder
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "+PONG"; {
		fmt.Fprintln(&text, lines.Text())
	}
	found := regexp.MustCompile(`cmdstat_evalsha:calls=(\d+)`).FindStringSubmatch(text.String())
	require.NotNil(t, found, text.String())
	calls, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	return calls
}
