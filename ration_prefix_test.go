package ration_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestChangePrefix changes the prefix of a service that has issued keys. A new prefix
// alone refuses these keys. With AcceptAnyPrefix both are good, and a made-up text still
// costs no look-up.
func TestChangePrefix(t *testing.T) {
	st := &lookups{Store: memory.New(memory.Config{})}
	old := ration.Must(ration.New(st, ration.Config{Keys: apikey.Config{KeyFormat: apikey.Format{Prefix: "old"}}}))
	t.Cleanup(func() { require.NoError(t, old.Close()) })
	ration.Must(old.Plan(t.Context(), "p", "100/s"))
	_, first, err := old.Issue(t.Context(), "p", "first")
	require.NoError(t, err)

	changed := func(any bool) (*ration.Ration, func(apikey.Secret) int) {
		r := ration.Must(ration.New(st, ration.Config{Keys: apikey.Config{KeyFormat: apikey.Format{Prefix: "acme_live", AcceptAnyPrefix: any}}}))
		t.Cleanup(func() { require.NoError(t, r.Close()) })
		h := r.Handler(http.NotFoundHandler())
		return r, func(s apikey.Secret) int {
			req, answer := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
			req.Header.Set("X-API-Key", string(s))
			h.ServeHTTP(answer, req)
			return answer.Code
		}
	}
	_, alone := changed(false)
	r, both := changed(true)
	_, second, err := r.Issue(t.Context(), "p", "second")
	require.NoError(t, err)
	require.Contains(t, second.String(), "acme_live_")
	before := st.digests.Load()
	for _, c := range []struct {
		secret      apikey.Secret
		alone, both int
	}{
		{first, http.StatusUnauthorized, http.StatusNotFound},
		{second, http.StatusNotFound, http.StatusNotFound},
		{first[:len(first)-1] + "_", http.StatusUnauthorized, http.StatusUnauthorized},
		{"legacy/key+value=2019", http.StatusUnauthorized, http.StatusUnauthorized},
	} {
		require.Equal(t, c.alone, alone(c.secret), "%v", c.secret)
		require.Equal(t, c.both, both(c.secret), "%v", c.secret)
	}
	require.EqualValues(t, 3, st.digests.Load()-before, "first in one Gate, second in two")
}

// lookups counts the look-ups of keys by their secrets.
type lookups struct {
	*memory.Store
	digests atomic.Int64
}

func (l *lookups) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	l.digests.Add(1)
	return l.Store.AccessByDigest(ctx, d)
}

func (l *lookups) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	l.digests.Add(1)
	return l.Store.KeyByDigest(ctx, d)
}
