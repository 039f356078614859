package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ration-go/ration/store"
)

// BenchmarkCounter measures decisions of the counters that newCounter makes, with a fresh
// counter for each benchmark. Every decision is admitted and written, because a refusal
// writes nothing and looks faster. The benchmark fails if a decision is refused, or if
// the counts do not add up at the end. Run it with -cpu 1,2,4 and so on, or 256 for many
// callers of a database.
//
// The names are keys for benchstat. With meters=1 a charge has one bucket; with meters=3
// it also has a quota by the day and a usage record. With keys=hot there is one subject;
// with keys=spread there are 131,072 of them in random order, all created before the
// clock starts.
func BenchmarkCounter(b *testing.B, newCounter func(tb testing.TB) store.Counter) {
	for _, meters := range []int{1, 3} {
		for _, keys := range []string{"hot", "spread"} {
			var w *workload
			b.Run(fmt.Sprintf("meters=%d/keys=%s", meters, keys), func(b *testing.B) {
				if w == nil { // b.Run calls this several times, with a growing b.N
					w = newWorkload(b, newCounter(b), meters, keys == "spread")
				}
				w.run(b)
			})
		}
	}
}

const spread = 1 << 17

// workload is the counter of one benchmark, what it is charged with, and how much was
// admitted so far.
type workload struct {
	counter  store.Counter
	meters   []store.Meter
	subjects []string
	units    atomic.Int64 // admitted
}

func newWorkload(b *testing.B, c store.Counter, meters int, many bool) *workload {
	start := time.Now().UTC().Truncate(day)
	w := &workload{counter: c, subjects: []string{"subject-00000"}, meters: []store.Meter{
		// neither empty nor full during the measurement
		{Name: "rate", Max: 1 << 32, Rate: perSecond},
		{Name: "day", Max: 1 << 50, Start: start.Unix(), End: start.Add(2 * day).Unix(), Keep: day},
		{Name: "use", Max: store.Unlimited, Start: start.Unix(), End: start.Add(2 * day).Unix(), Keep: day},
	}[:meters]}
	if many {
		w.subjects = make([]string, spread)
		for i := range w.subjects {
			w.subjects[i] = fmt.Sprintf("subject-%05x", i)
		}
		rand.New(rand.NewPCG(1, 1)).Shuffle(spread, func(i, j int) { w.subjects[i], w.subjects[j] = w.subjects[j], w.subjects[i] })
	}
	w.fill(b)
	return w
}

// used is what every subject has used before the clock starts. It is more than a bucket
// refills during the measurement.
const used = 10_000

// fill charges every subject, with enough concurrent callers to make a database fast.
func (w *workload) fill(b *testing.B) {
	const callers = 64
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := caller; i < len(w.subjects); i += callers {
				if err := w.take(b.Context(), new(store.Charge), w.subjects[i], used); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	w.units.Store(used * int64(len(w.subjects)))
}

func (w *workload) take(ctx context.Context, c *store.Charge, subject string, n int64) error {
	c.Subject, c.At, c.Meters, c.N = subject, time.Now(), w.meters, store.Each(n)
	if err := w.counter.Take(ctx, c); err != nil {
		return err
	}
	if !c.OK {
		return fmt.Errorf("refused: %s", about(c))
	}
	return nil
}

func (w *workload) run(b *testing.B) {
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		ctx, c, i := b.Context(), new(store.Charge), rand.IntN(len(w.subjects))
		n := int64(0)
		for ; pb.Next(); n++ {
			if i++; i == len(w.subjects) {
				i = 0
			}
			if err := w.take(ctx, c, w.subjects[i], 1); err != nil {
				b.Error(err)
				return
			}
		}
		w.units.Add(n)
	})
	b.StopTimer()
	w.verify(b)
}

// verify checks that the admitted units were counted. Buckets have refilled a little
// meanwhile.
func (w *workload) verify(b *testing.B) {
	levels := make([]store.Level, len(w.subjects)*len(w.meters))
	if err := store.Peek(b.Context(), w.counter, time.Now(), w.subjects, w.meters, levels); err != nil {
		b.Fatal(err)
	}
	counted := make([]int64, len(w.meters))
	for i, l := range levels {
		counted[i%len(w.meters)] += l.Used
	}
	for i := range counted {
		units := w.units.Load()
		if w.meters[i].IsWindow() && counted[i] != units || counted[i] > units || counted[i] < units/2 {
			b.Errorf("%d units were admitted, and meter %q counted %d", units, w.meters[i].Name, counted[i])
		}
	}
}
