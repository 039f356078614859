package envoy_test

import (
	"net/http/httptest"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/middleware"
)

// TestPipe has a client that has come over a Unix socket, which nobody can overhear.
func TestPipe(t *testing.T) {
	s := newService(t, `{"id":"free"}`, ration.Config{})
	a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{Insecure: middleware.Insecure{Refuse: true}}})
	in := asked(request("GET", "/pets", "X-API-Key", string(s.secret)))
	in.Attributes.Source.Address = &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: "/run/client"}}}

	out, err := a.Check(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 200, statusOf(out))

	in.Attributes.Source.Address = nil
	out, err = a.Check(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 403, statusOf(out), "nothing is known of the connection")
}

// TestStripSpelling has a query parameter that is spelt in another way. Envoy compares
// the names in the query as they are.
func TestStripSpelling(t *testing.T) {
	s := newService(t, `{"id":"free"}`, ration.Config{})
	a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{Credential: middleware.Query("api key")}})
	for _, name := range []string{"api%20key", "api+key", "%61pi+key"} {
		out, err := a.Check(t.Context(), asked(httptest.NewRequest("GET", "/pets?a=1&"+name+"="+string(s.secret), nil)))
		require.NoError(t, err)
		require.Equal(t, 200, statusOf(out))
		require.Contains(t, out.GetOkResponse().GetQueryParametersToRemove(), name)
	}
}

// TestEntryTwice has descriptors in which an entry comes twice. Neither value may win:
// one of them may come from the client.
func TestEntryTwice(t *testing.T) {
	for _, name := range []string{"route", "class", "scope", "remote_address", "x-request-id"} {
		s := newService(t, `{"id": "free", "quotas": ["5/day"]}`, ration.Config{Classes: []string{"a", "b"}})
		l := s.limiter(t, envoy.LimiterConfig{Names: envoy.DescriptorNames{ID: "x-request-id"}})
		for _, values := range [][]string{{"a", "b"}, {"a", "a"}} {
			out, err := l.ShouldRateLimit(t.Context(), call("api_key", string(s.secret), name, values[0], name, values[1]))
			require.NoError(t, err)
			require.Equal(t, "OVER_LIMIT", out.GetOverallCode().String(), "%s: %q", name, values)
			require.Contains(t, string(out.GetRawBody()), `"status":500`, "%s: %q", name, values)
		}
		out, err := l.ShouldRateLimit(t.Context(), call("api_key", string(s.secret), "generic_key", "a", "generic_key", "b"))
		require.NoError(t, err)
		require.Equal(t, "OK", out.GetOverallCode().String(), "an entry without a meaning")
	}
}
