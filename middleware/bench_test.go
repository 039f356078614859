package middleware_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// discard is a response writer that discards everything.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Flush()                      {}

// whole returns a service in which a request needs everything that it can: routes, a
// throttle, two quotas, both header fields and the context.
func whole(t testing.TB) (bare, protected http.Handler, r *http.Request) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{
		Throttle: throttle(1e9, 1e9),
		Routes:   map[string]limiter.Limit{"GET /pets/{id}": *throttle(1e8, 1e8)},
		Quotas:   []quota.Quota{{Limit: 1 << 50, Period: quota.Day}, {Limit: 1 << 50, Period: quota.Month}},
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pets/{id}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /pets/", func(http.ResponseWriter, *http.Request) {})
	return mux, h.middleware(middleware.Config{}).Handler(mux), request("GET", "/pets/7", "Authorization", "Bearer "+secret)
}

// TestAllocs bounds the allocations of the whole middleware. They are the look-up of the
// route, the exchange with the copy of the request, and the text of a header field.
func TestAllocs(t *testing.T) {
	bare, protected, r := whole(t)
	w := &discard{header: http.Header{}}
	protected.ServeHTTP(w, r)
	require.Contains(t, w.header.Get("RateLimit"), `"throttle GET /pets/{id}";r=`)
	plain := testing.AllocsPerRun(1000, func() { bare.ServeHTTP(w, r) })
	all := testing.AllocsPerRun(1000, func() { protected.ServeHTTP(w, r) })
	require.LessOrEqual(t, all-plain, 3.0)
}

// TestFewAllocs bounds the allocations for a plan with a throttle and a quota, if no mux
// has to be asked. There is one: the exchange, with the copy of the request and the text.
func TestFewAllocs(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Throttle: throttle(1e9, 1e9), Quotas: []quota.Quota{{Limit: 1 << 40, Period: quota.Day}}})
	protected := h.middleware(middleware.Config{}).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, w := with(secret), &discard{header: http.Header{}}
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() { protected.ServeHTTP(w, r) }), 1.0)
	require.Contains(t, w.header.Get("RateLimit"), `, "day";r=10995116`)
}

func BenchmarkMiddleware(b *testing.B) {
	bare, protected, r := whole(b)
	for name, h := range map[string]http.Handler{"bare": bare, "protected": protected} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &discard{header: http.Header{}}
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkWatch compares requests with and without a Logger when there is nothing to
// warn of. It requests a route that the plan names, another route, and a route whose
// pattern could hide a name.
func BenchmarkWatch(b *testing.B) {
	for _, route := range []string{"/pets/7", "/dogs/7", "/else/7"} {
		for _, logger := range []*slog.Logger{nil, slog.New(slog.DiscardHandler)} {
			h := newFixture(b)
			_, secret := h.key(&usageplan.Plan{
				Throttle: throttle(1e9, 1e9),
				Routes:   map[string]limiter.Limit{"GET /pets/{id}": *throttle(1e8, 1e8), "GET /cats/{id}": *throttle(1e8, 1e8)},
			})
			mux := muxOf("GET /pets/{id}", "GET /cats/{id}", "GET /dogs/{id}", "/", "GET /health")
			protected := h.middleware(middleware.Config{Logger: logger, Public: []string{"GET /health"}}).Handler(mux)
			r, w := request("GET", route, "Authorization", "Bearer "+secret), &discard{header: http.Header{}}
			b.Run(fmt.Sprintf("path=%s/logger=%t", route, logger != nil), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					protected.ServeHTTP(w, r)
				}
			})
		}
	}
}
