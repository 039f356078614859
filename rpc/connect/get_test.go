package rationconnect_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
)

// TestGet makes calls of Connect with GET, whose answers caches may keep. An answer that
// a shared cache may keep has no RateLimit fields, since they are those of one key. A
// refusal is never kept.
func TestGet(t *testing.T) {
	for caching, shown := range map[string]bool{"": true, "private, max-age=60": true, "no-store": true, "max-age=60": false, "public": false} {
		s := newService(t, "unlimited", "2/year")
		limits, err := rationconnect.New(s.Gate, rpc.Config{})
		require.NoError(t, err)
		url := listen(t, connect.NewUnaryHandler(get, func(_ context.Context, req *request) (*response, error) {
			resp := connect.NewResponse(req.Msg)
			if caching != "" {
				resp.Header().Set("Cache-Control", caching)
			}
			return resp, nil
		}, connect.WithInterceptors(limits), connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
		gets := clientOf(t, url, get, connect.WithHTTPGet(), connect.WithIdempotency(connect.IdempotencyNoSideEffects))

		resp, err := s.call(gets, message(10))
		require.NoError(t, err)
		require.Equal(t, shown, resp.Header().Get("RateLimit") != "", caching)
		require.Equal(t, shown, resp.Header().Get("RateLimit-Policy") != "", caching)

		resp, err = s.call(clientOf(t, url, get), message(10)) // by POST
		require.NoError(t, err)
		require.NotEmpty(t, resp.Header().Get("RateLimit"))

		_, err = s.call(gets, message(10))
		var failed *connect.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, connect.CodeResourceExhausted, failed.Code())
		require.Equal(t, "no-store", failed.Meta().Get("Cache-Control"))
		require.NotEmpty(t, failed.Meta().Get("RateLimit"))
		require.Equal(t, used{"year": 2}, s.used())
	}
}

// TestBrowser shows where a browser finds a refusal: in fields that CORS must expose.
func TestBrowser(t *testing.T) {
	for contentType, fields := range map[string][]string{
		"application/json":           {"Retry-After", "Ratelimit", "Ratelimit-Policy"},
		"application/grpc-web+proto": {"Retry-After", "Ratelimit", "Ratelimit-Policy", "Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"},
	} {
		s := newService(t, "6/m burst 1")
		url := s.serve(rpc.Config{}, echo)
		_, err := s.call(clientOf(t, url, get), message(10))
		require.NoError(t, err)
		body := `"x"`
		if contentType != "application/json" {
			body = "\x00\x00\x00\x00\x00" // a message of 0 bytes
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+get, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("X-API-Key", s.secret)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		answer, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		for _, name := range fields {
			require.NotEmpty(t, resp.Header[name], name)
		}
		if contentType == "application/json" {
			require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
			require.Contains(t, string(answer), "google.rpc.RetryInfo")
			require.Contains(t, string(answer), "google.rpc.QuotaFailure")
		}
	}
}

// TestKeyInQuery has a key in the query, which no Config asks for.
func TestKeyInQuery(t *testing.T) {
	s := newService(t, "unlimited", "9/year")
	limits, err := rationconnect.New(s.Gate, rpc.Config{})
	require.NoError(t, err)
	url := listen(t, connect.NewUnaryHandler(get, func(ctx context.Context, req *request) (*response, error) {
		return echo(ctx, get, req)
	}, connect.WithInterceptors(limits), connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
	resp, err := http.Get(url + get + "?connect=v1&encoding=json&message=%22x%22&x-api-key=" + s.secret + "&api_key=" + s.secret)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Equal(t, used{"year": 0}, s.used())
}
