package envoy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/gate"
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

// TestLimiterGuesses bounds look-ups by the entry remote_address, for the beginning of a
// request and for the end of an answer. Without the entry, that is counted as a mistake.
func TestLimiterGuesses(t *testing.T) {
	for _, c := range []struct {
		entries  []string
		lookups  int64
		mistakes int64
		code     string // for a good key that was not seen before
	}{
		{[]string{"remote_address", "203.0.113.9"}, 60, 0, "OVER_LIMIT"},
		{[]string{"remote_address", "2001:db8::9"}, 60, 0, "OVER_LIMIT"},
		{[]string{"remote_address", "203.0.113.9", "late", "1"}, 60, 0, "OVER_LIMIT"},
		{nil, 500, 1, "OK"},
	} {
		cfg := inTokens
		s := newService(t, `{"id": "free", "throttle": "1000/s"}`, cfg)
		l := s.limiter(t, envoy.LimiterConfig{HitsUnit: "tokens"})
		for range 500 {
			secret, err := apikey.Format{}.New()
			require.NoError(t, err)
			out, err := l.ShouldRateLimit(t.Context(), call(append(c.entries, "api_key", string(secret))...))
			require.NoError(t, err)
			require.Equal(t, "OVER_LIMIT", out.GetOverallCode().String())
		}
		require.InDelta(t, c.lookups, s.store.lookups.Load(), 20, "%q", c.entries)

		out, err := l.ShouldRateLimit(t.Context(), call(append(c.entries, "api_key", string(s.secret))...))
		require.NoError(t, err)
		require.Equal(t, c.code, out.GetOverallCode().String())
		if c.code != "OK" {
			require.NotEmpty(t, fieldsIn(out)["retry-after"])
			require.Contains(t, string(out.GetRawBody()), `"status":429`)
		}
		out, err = l.ShouldRateLimit(t.Context(), call("remote_address", "198.51.100.1", "api_key", string(s.secret)))
		require.NoError(t, err)
		require.Equal(t, "OK", out.GetOverallCode().String(), "from another address")
		out, err = l.ShouldRateLimit(t.Context(), call(append(c.entries, "api_key", string(s.secret))...))
		require.NoError(t, err)
		require.Equal(t, "OK", out.GetOverallCode().String(), "it is cached now")
		for _, m := range s.Gate.Stats().Mistakes {
			if m.Mistake == gate.NoGuessLimit {
				require.Equal(t, c.mistakes, m.Count)
			}
		}
	}
}
