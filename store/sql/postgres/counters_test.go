package postgres

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/store/sql/internal/directorytest"
	"github.com/ration-go/ration/usageplan"
)

// TestCountersInRedis has keys and plans in PostgreSQL and counters in Redis. Two
// processes share a quota, and a key that one disables is refused by the other.
func TestCountersInRedis(t *testing.T) {
	t.Parallel()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redistest.Start(t)}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	base := migrated(t)

	process := func() (r *ration.Ration, status func(secret apikey.Secret) int, heard <-chan string) {
		counter, err := redis.New(client, redis.Config{})
		require.NoError(t, err)
		s := open(t, base.pool)
		r, err = ration.New(s, ration.Config{Counter: counter, Gate: patient})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, r.Close()) })
		directorytest.Run(t, s, s.Run)
		ids := make(chan string, 100)
		t.Cleanup(s.OnChange(func(id string) { ids <- id }))
		h := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		return r, func(secret apikey.Secret) int {
			req := httptest.NewRequestWithContext(context.Background(), "GET", "/", nil)
			req.Header.Set("X-API-Key", string(secret))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			return w.Code
		}, ids
	}
	one, statusOne, _ := process()
	_, statusTwo, heardTwo := process()

	plan, err := one.Plans.Create(t.Context(), usageplan.Plan{ID: "gold", Quotas: []quota.Quota{{Limit: 4, Period: quota.Year}}})
	require.NoError(t, err)
	key, secret, err := one.Keys.Create(t.Context(), apikey.Key{ID: "ann", Enabled: true})
	require.NoError(t, err)
	require.NoError(t, one.Plans.Link(t.Context(), plan.ID, key.ID))

	got := []int{statusOne(secret), statusTwo(secret), statusOne(secret), statusTwo(secret), statusOne(secret), statusTwo(secret)}
	require.Equal(t, []int{204, 204, 204, 204, 429, 429}, got)
	require.Zero(t, value[int64](t, base, "SELECT count(*) FROM ration_subjects"), "PostgreSQL counts nothing")

	key, err = one.Keys.Get(t.Context(), "ann")
	require.NoError(t, err)
	hears(t, heardTwo, "ann") // of its creation
	_, err = one.Keys.Disable(t.Context(), "ann")
	require.NoError(t, err)
	hears(t, heardTwo, "ann")
	require.Eventually(t, func() bool { return statusTwo(secret) == 401 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, int64(1), key.Version)
}
