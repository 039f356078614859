//go:build !race

// The race detector makes a sync.Pool forget at random.

package memory_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// TestAllocs checks that a decision allocates nothing: taking, refusing, giving back and
// reading.
func TestAllocs(t *testing.T) {
	s := memory.New(memory.Config{})
	now := time.Now()
	meters := []store.Meter{{Name: "rate", Max: 1 << 40, Rate: store.Rate{Tokens: 1, Per: 1}}, day("day", now, 1<<50, 0), day("use", now, store.Unlimited, 0)}
	ctx := context.Background()
	for _, n := range []int64{1, -1, 0, 1 << 51} {
		c := store.NewCharge("a", n, meters...)
		allocs := testing.AllocsPerRun(1000, func() {
			c.At = time.Now()
			if err := s.Take(ctx, c); err != nil || c.OK != (n < 1<<51) {
				t.Fatal(c.OK, err)
			}
		})
		require.Zero(t, allocs, "n = %d", n)
	}
}

// TestPartsAllocs checks that a charge of several parts allocates nothing, with places
// and without, admitted, refused, refunded and read.
func TestPartsAllocs(t *testing.T) {
	s, now := memory.New(memory.Config{}), time.Now()
	meters := manyMeters(now, 4)
	for i := range meters {
		meters[i].Max = 1 << 20
	}
	for _, n := range []int64{1, -1, 0, 1 << 51} {
		for _, placed := range []bool{true, false} {
			c := &store.Charge{At: now}
			for _, subject := range tree(1) {
				c.Parts = append(c.Parts, store.NewPart(subject, n, meters...))
			}
			allocs := testing.AllocsPerRun(1000, func() {
				for i := range c.Parts {
					if !placed {
						c.Parts[i].Place = 0
					}
				}
				if err := s.Take(t.Context(), c); err != nil || c.OK != (n < 1<<51) {
					t.Fatal(c.OK, err)
				}
			})
			require.Zero(t, allocs, "n = %d, placed = %t", n, placed)
		}
	}
}

// TestTakeAllocs checks that the charges of BenchmarkTake allocate nothing.
func TestTakeAllocs(t *testing.T) {
	for name, charges := range takes(time.Now()) {
		s, i := memory.New(memory.Config{}), 0
		take := func() {
			c := charges[i%len(charges)]
			c.At = time.Now()
			if err := s.Take(t.Context(), c); err != nil || !c.OK {
				t.Fatal(err, c.OK)
			}
			i++
		}
		for range charges {
			take()
		}
		require.Zero(t, testing.AllocsPerRun(1000, take), name)
	}
}
