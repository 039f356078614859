package rationconnect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
)

// TestInProcess has a handler that calls another method in its process, with its own
// context and without a key. That is a call of its own, which needs a key.
func TestInProcess(t *testing.T) {
	s := newService(t, "unlimited", "9/year")
	limits, err := rationconnect.New(s.Gate, rpc.Config{})
	require.NoError(t, err)
	within := connect.NewUnaryHandler(report, func(ctx context.Context, req *request) (*response, error) {
		return echo(ctx, report, req)
	}, connect.WithInterceptors(limits))
	status := 0
	url := serve(t, func(ctx context.Context, _ string, req *request) (*response, error) {
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, report, strings.NewReader(`"x"`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		within.ServeHTTP(w, r)
		status = w.Code
		return connect.NewResponse(req.Msg), nil
	}, connect.WithRequestGate(limits.Gate), connect.WithInterceptors(limits))

	_, err = s.call(clientOf(t, url, get), message(10))
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, used{"year": 1}, s.used())
}
