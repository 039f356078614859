package limiter_test

import (
	"testing"
	"time"

	"github.com/ration-go/ration/limiter"
)

func BenchmarkAllow(b *testing.B) {
	lim, ctx := newLimiter(b, limiter.PerSecond(1_000_000_000)), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if r, err := lim.Allow(ctx, "key"); err != nil || !r.Allowed {
			b.Fatal(r, err)
		}
	}
}

func BenchmarkAllowN(b *testing.B) {
	lim, ctx := newLimiter(b, limiter.PerSecond(1_000_000_000)), b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if r, err := lim.AllowN(ctx, "key", time.Now(), 1); err != nil || !r.Allowed {
			b.Fatal(r, err)
		}
	}
}
