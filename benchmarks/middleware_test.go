package benchmarks

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/didip/tollbooth/v7"
	"github.com/go-chi/httprate"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
)

const apiKey = "X-Api-Key"

// handlers lists middleware around next. Clients name themselves in a header. A peer has
// one bucket or window for each value of the header. Ration authenticates the key, and
// charges a bucket, a day quota and the usage record.
var handlers = []struct {
	name string
	wrap func(b *testing.B, next http.Handler, clients int) (h http.Handler, secrets []string)
}{
	{"bare", func(_ *testing.B, next http.Handler, clients int) (http.Handler, []string) {
		return next, names(clients)
	}},
	{"ration", func(b *testing.B, next http.Handler, clients int) (http.Handler, []string) {
		g, secrets := newGate(b, clients, 0)
		mw, err := middleware.New(g, middleware.Config{})
		require.NoError(b, err)
		return mw.Handler(next), secrets
	}},
	{"httprate", func(_ *testing.B, next http.Handler, clients int) (http.Handler, []string) {
		byKey := func(r *http.Request) (string, error) { return r.Header.Get(apiKey), nil }
		return httprate.LimitBy(1<<32, window, byKey)(next), names(clients)
	}},
	{"tollbooth", func(_ *testing.B, next http.Handler, clients int) (http.Handler, []string) {
		lim := tollbooth.NewLimiter(1, nil).SetBurst(1<<32).SetHeader(apiKey, nil)
		return tollbooth.LimitHandler(lim, next), names(clients)
	}},
}

// BenchmarkMiddleware measures a request through the middleware and a handler that does
// nothing, without a network. Each goroutine is a client of its own.
func BenchmarkMiddleware(b *testing.B) {
	const clients = 64
	for _, impl := range handlers {
		b.Run("impl="+impl.name, func(b *testing.B) {
			h, secrets := impl.wrap(b, http.HandlerFunc(nothing), clients)
			var client, admitted atomic.Int64
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				r, w := httptest.NewRequestWithContext(b.Context(), "GET", "/orders", nil), &response{header: http.Header{}}
				r.Header.Set(apiKey, secrets[client.Add(1)%clients])
				for pb.Next() {
					clear(w.header)
					h.ServeHTTP(w, r)
				}
				admitted.Add(w.ok)
			})
			if int(admitted.Load()) != b.N {
				b.Fatalf("%d of %d were admitted", admitted.Load(), b.N)
			}
		})
	}
}

func nothing(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// response counts answers with status 200, and writes nothing.
type response struct {
	header http.Header
	ok     int64
}

func (w *response) Header() http.Header         { return w.header }
func (w *response) Write(p []byte) (int, error) { return len(p), nil }

func (w *response) WriteHeader(status int) {
	if status == http.StatusOK {
		w.ok++
	}
}
