package batch_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
)

// BenchmarkCharges measures what gathering adds to a decision that itself takes nothing.
func BenchmarkCharges(b *testing.B) {
	meters := []store.Meter{rate, {Name: "quota", Max: store.Unlimited, End: 1 << 40}, {Name: "record", Max: store.Unlimited, End: 1 << 40}}
	for _, callers := range []int{1, 32, 256} {
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			var batches atomic.Int64
			q := batch.NewCharges(func(context.Context, []*store.Charge, []error) { batches.Add(1) }, batch.Config{})
			b.ReportAllocs()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					c := store.NewCharge("customer-42", 1, meters...)
					c.At = time.Now()
					for next.Add(1) <= int64(b.N) {
						if err := q.Take(b.Context(), c); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/float64(batches.Load()), "charges/batch")
		})
	}
}
