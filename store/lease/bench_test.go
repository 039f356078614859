package lease_test

import (
	"testing"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
)

func benchCounter(b *testing.B) *lease.Counter {
	c, err := lease.New(memory.New(memory.Config{}), lease.Config{Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close(b.Context()) })
	return c
}

// BenchmarkTakeOne charges one bucket of a hot subject.
func BenchmarkTakeOne(b *testing.B) {
	c := benchCounter(b)
	m := &store.Meter{Name: "rate", Max: 1 << 40, Rate: store.Rate{Tokens: 1, Per: 1}}
	b.ReportAllocs()
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok, err := c.TakeOne(b.Context(), "hot", m, time.Time{}, 1); !ok || err != nil {
				b.Error(ok, err)
				return
			}
		}
	})
}

// BenchmarkTake charges a bucket, a quota and a record of a hot subject.
func BenchmarkTake(b *testing.B) {
	c := benchCounter(b)
	end := time.Now().Add(24 * time.Hour).Unix()
	meters := []store.Meter{
		{Name: "rate", Max: 1 << 40, Rate: store.Rate{Tokens: 1, Per: 1}},
		{Name: "day", Max: 1 << 40, Start: end - 86400, End: end},
		{Name: "use", Max: store.Unlimited, Start: end - 86400, End: end},
	}
	b.ReportAllocs()
	b.SetParallelism(128)
	b.RunParallel(func(pb *testing.PB) {
		charge := store.NewCharge("hot", 1, meters...)
		for pb.Next() {
			charge.At = time.Now()
			if err := c.Take(b.Context(), charge); err != nil || !charge.OK {
				b.Error(charge.OK, err)
				return
			}
		}
	})
}
