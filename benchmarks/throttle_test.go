package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkThrottle measures one decision about one key in memory. It charges a bucket or
// a window alone, whichever the library has.
//
// With result=admit every decision is admitted and writes. The burst is 2^32, and one
// token a second comes back. With result=refuse every key has used up its limit before
// the clock starts.
//
// Every key exists before the clock starts, under bytes of its own. A server is like
// that: the key of a request is not the string that was stored.
func BenchmarkThrottle(b *testing.B) {
	results := []struct {
		name  string
		limit limit
		touch int // decisions about each key before the clock starts
		want  func(n int) int
	}{
		{"admit", limit{1 << 32, time.Second}, 2, func(n int) int { return n }},
		{"refuse", limit{1, 24 * time.Hour}, 1, func(int) int { return 0 }},
	}
	keys := names(subjects)
	for _, visits := range []string{"hot", "spread", "zipf"} {
		for _, result := range results {
			for _, impl := range throttles { // in turn, since the machine's speed drifts
				b.Run(fmt.Sprintf("impl=%s/keys=%s/result=%s", impl.name, visits, result.name), func(b *testing.B) {
					w := workload{orders[visits](), keys, impl.open(b, result.limit), result.want}
					w.fill(b, result.touch)
					w.run(b)
				})
			}
		}
	}
}

// workload is a series of decisions about keys in an order. want returns how many of n
// are admitted.
type workload struct {
	order  order
	keys   []string
	decide decide
	want   func(n int) int
}

// fill makes decisions about every key that run will use.
func (w *workload) fill(b *testing.B, times int) {
	visited := newSet(len(w.keys))
	for _, i := range w.order.visits {
		visited.add(i)
	}
	for i, key := range w.keys {
		if !visited.has(uint32(i)) {
			continue
		}
		if err := touch(b.Context(), w.decide, key, times); err != nil {
			b.Fatal(err)
		}
	}
}

// touch makes decisions about a key, under bytes of its own. It returns an error if one
// is not admitted.
func touch(ctx context.Context, decide decide, key string, times int) error {
	key = strings.Clone(key)
	for range times {
		if ok, err := decide(ctx, key); err != nil || !ok {
			return fmt.Errorf("%s was not admitted: %v", key, err)
		}
	}
	return nil
}

// tally sums up what the goroutines did.
type tally struct {
	sync.Mutex
	admitted int
	seen     set
}

func (w *workload) run(b *testing.B) {
	total := tally{seen: newSet(len(w.keys))}
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		admitted, seen, err := w.visit(b.Context(), pb)
		if err != nil {
			b.Error(err)
		}
		total.Lock()
		defer total.Unlock()
		total.admitted += admitted
		total.seen.merge(seen)
	})
	b.StopTimer()
	if want := w.want(b.N); total.admitted != want {
		b.Fatalf("%d of %d were admitted, not %d", total.admitted, b.N, want)
	}
	if n, least := total.seen.len(), w.order.least(b.N/runtime.GOMAXPROCS(0)); n < least {
		b.Fatalf("%d keys were asked for, not %d or more", n, least)
	}
}

// visit makes one goroutine's decisions. It writes to memory of its own only.
func (w *workload) visit(ctx context.Context, pb *testing.PB) (admitted int, seen set, err error) {
	keys, visits, seen := w.keys, w.order.visits, newSet(len(w.keys))
	for i := rand.IntN(len(visits)); pb.Next(); i++ {
		if i == len(visits) {
			i = 0
		}
		k := visits[i]
		ok, err := w.decide(ctx, keys[k])
		if err != nil {
			return 0, seen, err
		}
		if ok {
			admitted++
		}
		seen.add(k)
	}
	return admitted, seen, nil
}
