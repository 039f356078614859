package handlertest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// newService returns the service over a counter, and a key of its plan.
func newService(t *testing.T, counter store.Counter) (*ration.Ration, apikey.Secret) {
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{Counter: counter})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	plan, err := r.Plan(t.Context(), "free", "1/m burst 2", "3/day")
	require.NoError(t, err)
	_, secret, err := r.Issue(t.Context(), plan.ID, "my-client")
	require.NoError(t, err)
	return r, secret
}

// get sends a request with a key and returns the answer.
func get(h http.Handler, secret apikey.Secret) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	r.Header.Set("X-API-Key", string(secret))
	h.ServeHTTP(w, r)
	return w
}

// TestHello tests the handler alone.
func TestHello(t *testing.T) {
	d := gate.Decision{Outcome: gate.Outcome{Allowed: true, Key: &apikey.Key{ID: "k1", Name: "ann"}}}
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()

	hello(w, r.WithContext(middleware.NewContext(r.Context(), &d)))

	require.Equal(t, "hello ann", w.Body.String())
}

// TestHelloWithoutKey tests that the handler needs the middleware.
func TestHelloWithoutKey(t *testing.T) {
	w := httptest.NewRecorder()
	hello(w, httptest.NewRequest("GET", "/", nil))
	require.Equal(t, 500, w.Code)
}

// TestLimits tells a plan as a timeline.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still, and is midnight UTC
		r, secret := newService(t, nil)
		h := r.Handler(http.HandlerFunc(hello))
		for _, step := range []struct {
			after      time.Duration
			status     int
			retryAfter string
		}{
			{0, 200, ""},
			{0, 200, ""},
			{0, 429, "60"},                 // the burst is used up
			{time.Minute, 200, ""},         // another token
			{time.Minute, 429, "86280"},    // three a day are used up
			{86280 * time.Second, 200, ""}, // the next day
		} {
			time.Sleep(step.after)
			w := get(h, secret)
			require.Equal(t, step.status, w.Code)
			require.Equal(t, step.retryAfter, w.Header().Get("Retry-After"))
		}
	})
}

// TestUsage reads what the key has used. A refused request counts nothing.
func TestUsage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, secret := newService(t, nil)
		for range 3 { // the burst is 2
			get(r.Handler(http.HandlerFunc(hello)), secret)
		}
		key, err := r.Keys.GetBySecret(t.Context(), secret)
		require.NoError(t, err)

		days, err := r.Gate.UsageByDay(t.Context(), "free", key.ID, usageplan.Requests, 7)

		require.NoError(t, err)
		require.Len(t, days, 7)
		require.EqualValues(t, 2, days[6].Used) // today is last
	})
}

// TestAnswers tests what clients see of a store that admits, refuses and fails.
func TestAnswers(t *testing.T) {
	outage := storetest.Fault{Err: errors.New("connection refused")}
	for name, c := range map[string]struct {
		counter store.Counter
		status  int
	}{
		"admitted": {storetest.Always(), 200},
		"used up":  {storetest.Never(), 429},
		"outage":   {storetest.Faulty(storetest.Always(), outage), 503},
	} {
		t.Run(name, func(t *testing.T) {
			r, secret := newService(t, c.counter)
			require.Equal(t, c.status, get(r.Handler(http.HandlerFunc(hello)), secret).Code)
		})
	}
}

// TestAt asks the gate at instants of the test's own.
func TestAt(t *testing.T) {
	r, secret := newService(t, nil)
	noon := time.Now().Truncate(24 * time.Hour).Add(12 * time.Hour)
	for _, step := range []struct {
		at     time.Duration
		reason gate.Reason
	}{
		{0, gate.Admitted},
		{0, gate.Admitted},
		{0, gate.Throttled},
		{time.Minute, gate.Admitted},
		{2 * time.Minute, gate.QuotaExceeded},
		{12 * time.Hour, gate.Admitted},
	} {
		d, err := r.Gate.Admit(t.Context(), gate.Request{Secret: secret, At: noon.Add(step.at)})
		require.NoError(t, err)
		require.Equal(t, step.reason, d.Reason, step.at)
	}
}
