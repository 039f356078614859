package client_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/client"
	"github.com/ration-go/ration/store/memory"
)

// service returns a service of Ration that counts requests, and the key of a client under
// a plan.
func service(t *testing.T, throttle string, quotas ...string) (*server, client.Key) {
	t.Helper()
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	plan, err := r.Plan(t.Context(), "plan", throttle, quotas...)
	require.NoError(t, err)
	_, secret, err := r.Issue(t.Context(), plan.ID, "client")
	require.NoError(t, err)
	return &server{Handler: r.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), latency: 20 * time.Millisecond}, client.Key(secret)
}

// TestPlan sends 10,000 requests under a plan with a throttle and quotas. The Transport
// adds the key. None is refused, and they take at most 1.05 of the ideal time.
func TestPlan(t *testing.T) {
	for _, bearer := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, key := service(t, "100/s burst 100", "20000/day", "1000000/month")
			tr := newTransport(t, s, client.Config{Key: key, Host: "api.example.com", Bearer: bearer})
			took, ideal := flood(t, tr, 10_000, 50), 99*time.Second
			t.Logf("%v, ideal %v: %.4f; %d refused", took, ideal, float64(took)/float64(ideal), s.refused.Load())
			assert.LessOrEqual(t, float64(took), 1.05*float64(ideal))
			assert.EqualValues(t, 10_000, s.requests.Load())
		})
	}
}

// TestUsedUp uses up the quota of a day. Further requests are not sent, and the error
// says how long the day still is. On the next day they are sent.
func TestUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := service(t, "100/s burst 100", "50/day")
		tr := newTransport(t, s, client.Config{Key: key, Host: "api.example.com"})
		flood(t, tr, 50, 10)
		for range 3 {
			_, err := get(tr, request(t, "GET", url, nil))
			wait, ok := errors.AsType[*client.WaitError](err)
			require.True(t, ok, "%v", err)
			assert.InDelta(t, 24*time.Hour, wait.Wait, float64(10*time.Second))
		}
		assert.EqualValues(t, 50, s.requests.Load())
		time.Sleep(24*time.Hour + 10*time.Second)
		flood(t, tr, 50, 10)
		assert.EqualValues(t, 100, s.requests.Load())
		assert.Zero(t, s.refused.Load())
	})
}

// TestWrongKey returns a 401 as it is, at once.
func TestWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := service(t, "100/s burst 100")
		tr := newTransport(t, s, client.Config{Key: "wrong", Host: "api.example.com"})
		status, err := get(tr, request(t, "GET", url, nil))
		require.NoError(t, err)
		assert.Equal(t, http.StatusUnauthorized, status)
		assert.EqualValues(t, 1, s.requests.Load())
	})
}
