package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ration-go/ration/store"
)

// BenchmarkCounter measures decisions of the counters that newCounter makes, with a fresh
// counter for each benchmark. Every counter lives until b has ended, so newCounter may
// leave the clean-up to tb. Every decision is admitted and written, because a refusal
// writes nothing and looks faster. The benchmark fails if a decision is refused, or if
// the counts do not add up at the end.
//
// The names are keys for benchstat. With meters=1 a charge has one bucket; with meters=3
// it also has a quota by the day and a usage record. With keys=hot there is one subject;
// with keys=spread there are many of them in random order, all created before the clock
// starts.
//
// A counter that waits for no input or output, see [store.IsLocal], has 131,072 subjects
// and a caller for each processor. Run it with -cpu 1,2,4 and so on. Every other counter
// has 4,096 subjects, and is measured with callers=1 for its latency and callers=64 for
// its throughput. The number of processors stays that of the machine.
func BenchmarkCounter(b *testing.B, newCounter func(tb testing.TB) store.Counter) {
	for _, meters := range []int{1, 3} {
		for _, keys := range []string{"hot", "spread"} {
			w := &workload{made: func() store.Counter { return newCounter(b) }}
			b.Run(fmt.Sprintf("meters=%d/keys=%s", meters, keys), func(b *testing.B) {
				w.prepare(b, meters, keys == "spread")
				if store.IsLocal(w.counter) {
					w.run(b, runtime.GOMAXPROCS(0))
					return
				}
				for _, callers := range []int{1, manyCallers} {
					b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) { w.run(b, callers) })
				}
			})
		}
	}
}

const (
	manyCallers = 64

	// The numbers of subjects with keys=spread. Those of a local counter do not fit into the
	// caches of a processor. Those of a database are created in a few seconds, even if each
	// takes a millisecond.
	localSpread, remoteSpread = 1 << 17, 1 << 12
)

// workload is the counter of one benchmark, what it is charged with, and how much was
// admitted so far.
type workload struct {
	made     func() store.Counter
	counter  store.Counter
	meters   []store.Meter
	subjects []string
	units    atomic.Int64 // admitted
}

// prepare makes the counter, unless it is there: a benchmark is called several times,
// with a growing b.N. It makes the counter for the benchmark above, because testing
// cleans up after each call of this one.
func (w *workload) prepare(b *testing.B, meters int, many bool) {
	if w.counter != nil {
		return
	}
	w.counter = w.made()
	start := time.Now().UTC().Truncate(day)
	w.subjects, w.meters = []string{"subject-00000"}, []store.Meter{
		// neither empty nor full during the measurement
		{Name: "rate", Max: 1 << 32, Rate: perSecond},
		{Name: "day", Max: 1 << 50, Start: start.Unix(), End: start.Add(2 * day).Unix(), Keep: day},
		{Name: "use", Max: store.Unlimited, Start: start.Unix(), End: start.Add(2 * day).Unix(), Keep: day},
	}[:meters]
	if many {
		w.subjects = shuffled(w.counter)
	}
	w.fill(b)
}

// shuffled returns the subjects of a benchmark of c in random order.
func shuffled(c store.Counter) []string {
	n := remoteSpread
	if store.IsLocal(c) {
		n = localSpread
	}
	subjects := make([]string, n)
	for i := range subjects {
		subjects[i] = fmt.Sprintf("subject-%05x", i)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) { subjects[i], subjects[j] = subjects[j], subjects[i] })
	return subjects
}

// used is what every subject has used before the clock starts. It is more than a bucket
// refills during the measurement.
const used = 10_000

// fill charges every subject, with enough concurrent callers to make a database fast.
func (w *workload) fill(b *testing.B) {
	w.callers(b, manyCallers, len(w.subjects), func(c *store.Charge, i int) error {
		return w.take(b.Context(), c, w.subjects[i], used)
	})
	w.units.Store(used * int64(len(w.subjects)))
}

// callers makes n calls by a number of goroutines. Each has a Charge and every so many-th
// call.
func (w *workload) callers(b *testing.B, callers, n int, call func(c *store.Charge, i int) error) {
	var wg sync.WaitGroup
	for caller := range min(callers, n) {
		wg.Go(func() {
			c := store.NewCharge("", 0, w.meters...)
			for i := caller; i < n; i += callers {
				if err := call(c, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (w *workload) take(ctx context.Context, c *store.Charge, subject string, n int64) error {
	p := &c.Parts[0]
	c.At, p.Subject, p.Place = time.Now(), subject, 0
	for i := range p.N {
		p.N[i] = n
	}
	if err := w.counter.Take(ctx, c); err != nil {
		return err
	}
	if !c.OK {
		return fmt.Errorf("refused: %s", about(c))
	}
	return nil
}

// run makes b.N charges.
func (w *workload) run(b *testing.B, callers int) {
	b.ReportAllocs()
	ctx, first := b.Context(), rand.IntN(len(w.subjects))
	b.ResetTimer()
	w.callers(b, callers, b.N, func(c *store.Charge, i int) error {
		return w.take(ctx, c, w.subjects[(first+i)%len(w.subjects)], 1)
	})
	b.StopTimer()
	w.units.Add(int64(b.N))
	w.verify(b)
}

// verify checks that the admitted units were counted. Buckets have refilled a little
// meanwhile.
func (w *workload) verify(b *testing.B) {
	levels := make([]store.Level, len(w.subjects)*len(w.meters))
	if err := store.Peek(b.Context(), w.counter, time.Now(), w.subjects, w.meters, levels, nil); err != nil {
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
