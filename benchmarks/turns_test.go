package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
)

// BenchmarkTurns makes the decisions of other benchmarks about a hot key. The
// implementations take turns of about a millisecond, so that all of them meet the same
// machine. The speed of a shared machine changes within seconds, and not for all code
// alike.
//
// With several processors, one goroutine for each makes the decisions of a turn, all
// about one key. An iteration is one turn of each implementation. name-ns is the tenth
// percentile of the time of a decision. to-name is the first implementation's time
// divided by that time.
func BenchmarkTurns(b *testing.B) {
	b.Run("Throttle/result=admit", func(b *testing.B) { takeTurns(b, throttleTurns(b, limit{1 << 32, time.Second}, 2, true)) })
	b.Run("Throttle/result=refuse", func(b *testing.B) { takeTurns(b, throttleTurns(b, limit{1, window}, 1, false)) })
	b.Run("Admit", func(b *testing.B) { takeTurns(b, decisionTurns(b)) })
	b.Run("Groups", func(b *testing.B) {
		var all []*turn
		for groups := range 4 {
			secrets, admit := openGroups(groups)(b, 1)
			all = append(all, &turn{fmt.Sprintf("groups=%d", groups), admit, secrets[0], true})
		}
		takeTurns(b, all)
	})
	b.Run("Plans", func(b *testing.B) {
		if runtime.GOMAXPROCS(0) > 1 {
			b.Skip("its turns count requests, so they are for one processor")
		}
		takeTurns(b, planTurns(b))
	})
	b.Run("Middleware", func(b *testing.B) {
		if runtime.GOMAXPROCS(0) > 1 {
			b.Skip("its turns share one request, so they are for one processor")
		}
		takeTurns(b, middlewareTurns(b))
	})
}

// throttleTurns returns the turns of BenchmarkThrottle. used is the number of decisions
// about the key before the first turn.
func throttleTurns(b *testing.B, l limit, used int, want bool) (all []*turn) {
	key := names(1)[0]
	for _, impl := range throttles {
		t := &turn{impl.name, impl.open(b, l), key, want}
		require.NoError(b, touch(b.Context(), t.decide, key, used))
		all = append(all, t)
	}
	return all
}

// decisionTurns returns the turns of a whole decision: by the secret, by the ID of the
// key, and refused by the throttle. Beside them are the floor and a keyed x/time limiter.
func decisionTurns(b *testing.B) []*turn {
	st := memory.New(memory.Config{})
	secret := fillStore(b, st, 1, 0)[0]
	g := openCached(b, st, st)
	key, err := st.KeyByDigest(b.Context(), apikey.DigestOf(secret))
	require.NoError(b, err)
	small := memory.New(memory.Config{})
	spent := fillStoreWith(b, small, 1, 0, limiter.Limit{Rate: rate.Every(window), Burst: 1})[0]
	floors, floor := openFloor(b, 1)
	all := []*turn{
		{"admit", admit(g), secret, true},
		{"by-id", admitByID(g), key.ID, true},
		{"refused", admit(openCached(b, small, small)), spent, false},
		{"floor", floor, floors[0], true},
		{"xtime", openXTime(b, limit{1 << 32, time.Second}), names(1)[0], true},
	}
	require.NoError(b, touch(b.Context(), all[2].decide, spent, 1))
	return all
}

func admit(g *gate.Gate) decide {
	return func(ctx context.Context, secret string) (bool, error) {
		d, err := g.Admit(ctx, gate.Request{Secret: apikey.Secret(secret)})
		return d.Allowed, err
	}
}

func admitByID(g *gate.Gate) decide {
	return func(ctx context.Context, id string) (bool, error) {
		d, err := g.Admit(ctx, gate.Request{KeyID: id})
		return d.Allowed, err
	}
}

func middlewareTurns(b *testing.B) (all []*turn) {
	for _, impl := range handlers[1:] { // without the bare handler
		h, secrets := impl.wrap(b, http.HandlerFunc(nothing), 1)
		r, w := httptest.NewRequestWithContext(b.Context(), "GET", "/orders", nil), &response{header: http.Header{}}
		r.Header.Set(apiKey, secrets[0])
		serve := func(context.Context, string) (bool, error) {
			clear(w.header)
			before := w.ok
			h.ServeHTTP(w, r)
			return w.ok > before, nil
		}
		all = append(all, &turn{impl.name, serve, secrets[0], true})
	}
	return all
}

// BenchmarkRedisTurns measures the same as BenchmarkRedis by turns of some milliseconds,
// in random order, for two processors. name-ns is the mean time of a decision, without
// the slowest turns. to-name is Ration's time divided by that time, and separate-to-name
// is ration-separate's time divided by it.
//
// It takes means because the times of turns fall into two groups. In some turns a caller
// finds the server on its own processor. In others it wakes the other processor for each
// call and takes twice as long. The median lies somewhere between the groups.
func BenchmarkRedisTurns(b *testing.B) {
	addr := redistest.Start(b)
	keys, each := names(1<<10), 16
	if testing.Short() {
		keys, each = keys[:1<<4], 1
	}
	remember(b, dial(b, addr), keys)
	for _, callers := range []int{1, 32, 256} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			times, asked := make([][]float64, len(shared)), len(keys)/8+each*callers
			var decides []decide
			for _, impl := range shared {
				decides = append(decides, impl.open(b, addr))
				ask(b, decides[len(decides)-1], keys, callers, len(keys))
			}
			for b.Loop() {
				for _, i := range rand.Perm(len(shared)) {
					began := time.Now()
					ask(b, decides[i], keys, callers, asked)
					times[i] = append(times[i], float64(time.Since(began).Nanoseconds())/float64(asked))
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, impl := range shared {
				b.ReportMetric(mean(times[i]), impl.name+"-ns")
				b.ReportMetric(mean(times[1])/mean(times[i]), "to-"+impl.name)
				b.ReportMetric(mean(times[2])/mean(times[i]), "separate-to-"+impl.name)
			}
		})
	}
}

// mean returns the mean without the largest twentieth.
func mean(x []float64) (sum float64) {
	x = slices.Sorted(slices.Values(x))
	x = x[:len(x)-len(x)/20]
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// turn is the turn of one implementation.
type turn struct {
	name   string
	decide decide
	key    string
	want   bool
}

func takeTurns(b *testing.B, all []*turn) {
	times := make([][]float64, len(all))
	for b.Loop() {
		for i := range all {
			times[i] = append(times[i], all[i].take(b))
		}
	}
	b.ReportMetric(0, "ns/op") // it has no meaning here
	low := func(i int) float64 { slices.Sort(times[i]); return times[i][len(times[i])/10] }
	for i := range all {
		b.ReportMetric(low(i), all[i].name+"-ns")
		if i > 0 {
			b.ReportMetric(low(0)/low(i), "to-"+all[i].name)
		}
	}
}

// take makes some decisions, and returns the time of one. With several processors, each
// makes as many.
func (t *turn) take(b *testing.B) float64 {
	const n = 2000
	var wrong atomic.Int64
	decideAll := func() {
		ctx, missed := b.Context(), int64(0)
		for range n {
			if ok, err := t.decide(ctx, t.key); err != nil || ok != t.want {
				missed++
			}
		}
		wrong.Add(missed)
	}
	began, processors := time.Now(), runtime.GOMAXPROCS(0)
	if processors == 1 {
		decideAll()
	} else {
		var all sync.WaitGroup
		for range processors {
			all.Go(decideAll)
		}
		all.Wait()
	}
	took := time.Since(began)
	require.Zero(b, wrong.Load(), t.name)
	return float64(took.Nanoseconds()) / float64(n*processors)
}
