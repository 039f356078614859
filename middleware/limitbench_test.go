package middleware_test

import (
	"net/http"
	"testing"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
)

// BenchmarkLimitBy measures one limit by address, with and without the RateLimit fields.
func BenchmarkLimitBy(b *testing.B) {
	for name, cfg := range map[string]middleware.LimitConfig{"fields": {}, "plain": {OmitHeaders: true}} {
		b.Run(name, func(b *testing.B) {
			lim, err := limiter.New(memory.New(memory.Config{}), limiter.PerSecond(1e9), limiter.Config{})
			if err != nil {
				b.Fatal(err)
			}
			h := must(middleware.LimitBy(lim, middleware.ByIP(), cfg))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r, w := from("192.0.2.1:80"), &discard{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
