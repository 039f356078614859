package envoy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/envoy"
)

// TestGuesses bounds look-ups of well-formed secrets by the client's address, as the
// middleware does.
func TestGuesses(t *testing.T) {
	s := newService(t, `{"id": "free", "throttle": "1000/s"}`, ration.Config{})
	a := s.authorizer(t, envoy.AuthorizerConfig{})
	statuses := map[int]int{}
	for range 1000 {
		secret, err := apikey.Format{}.New()
		require.NoError(t, err)
		r := request("GET", "/", "X-API-Key", string(secret))
		r.RemoteAddr = "203.0.113.9:1234"
		out, err := a.Check(t.Context(), asked(r))
		require.NoError(t, err)
		statuses[statusOf(out)]++
	}
	require.LessOrEqual(t, s.store.lookups.Load(), int64(200))
	require.Positive(t, statuses[429])
	out, err := a.Check(t.Context(), asked(request("GET", "/", "X-API-Key", string(s.secret)))) // from another address
	require.NoError(t, err)
	require.Equal(t, 200, statusOf(out))
	t.Log(statuses, s.store.lookups.Load())
}
