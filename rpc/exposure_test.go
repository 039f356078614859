package rpc_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/usageplan"
)

// TestUnknownTransport has calls of which nothing tells whether they came over TLS, as
// with Connect. So the Logger is not warned of plain HTTP.
func TestUnknownTransport(t *testing.T) {
	f := newFixture(t, usageplan.Plan{})
	var log strings.Builder
	e := enforcer(t, f.gate, rpc.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for range 200 {
		_, refused := open(t, e, "192.0.2.1:4321", "X-API-Key", f.secret)
		require.Nil(t, refused)
	}
	require.NotContains(t, log.String(), "plain HTTP")
}
