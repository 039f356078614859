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
