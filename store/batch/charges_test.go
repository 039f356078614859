package batch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

// batched returns Charges over a store in memory. Each batch takes as long as given.
func batched(c store.Counter, lasts time.Duration, cfg batch.Config) *batch.Charges {
	return batch.NewCharges(func(ctx context.Context, charges []*store.Charge, errs []error) {
		if lasts > 0 {
			time.Sleep(lasts)
		}
		for i, c2 := range charges {
			errs[i] = c.Take(context.WithoutCancel(ctx), c2)
		}
	}, cfg)
}

// TestCounter holds Charges to the contract of a Counter.
func TestCounter(t *testing.T) {
	for name, cfg := range map[string]batch.Config{"one call": {}, "many calls": {Calls: 8, Size: 2}, "size 1": {Size: 1}} {
		t.Run(name, func(t *testing.T) {
			storetest.TestCounter(t, storetest.Harness{
				New: func(testing.TB) store.Counter {
					return batched(memory.New(memory.Config{}), 0, cfg)
				},
				Bubble: synctest.Test,
			})
		})
	}
}

// rate is a bucket of 10 that nothing refills.
var rate = store.Meter{Name: "rate", Max: 10}

// TestDepartedCaller has a caller give up and use its Charge for something else while the
// batch is in progress. The batch decides what was asked, and writes nothing.
func TestDepartedCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory.New(memory.Config{})
		q := batched(m, time.Minute, batch.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		text := []byte("customer-42 rate")
		name := func() (subject, meter string) { return alias(text[:11]), alias(text[12:]) }
		subject, meterName := name()
		c := store.NewCharge(subject, 3, store.Meter{Name: meterName, Max: 10})
		c.Parts[0].Last = make([]int64, 1)

		err := q.Take(ctx, c)
		require.Equal(t, context.DeadlineExceeded, err)
		copy(text, "another-one xxxx")
		c.Parts[0].N[0], c.Parts[0].Meters[0].Max = 99, 1
		c.OK, c.Parts[0].Levels[0], c.Parts[0].Last[0] = false, store.Level{Max: 77}, 77
		later(time.Hour)

		require.False(t, c.OK)
		require.Equal(t, store.Level{Max: 77}, c.Parts[0].Levels[0])
		require.EqualValues(t, 77, c.Parts[0].Last[0])
		read := store.NewCharge("customer-42", 0, rate)
		require.NoError(t, m.Take(t.Context(), read))
		require.EqualValues(t, 3, read.Parts[0].Levels[0].Used)
		read = store.NewCharge("another-one", 0, rate)
		require.NoError(t, m.Take(t.Context(), read))
		require.Zero(t, read.Parts[0].Levels[0].Used)
	})
}

// TestMemoryIsReused checks that a charge whose memory served another one before has
// nothing of it.
func TestMemoryIsReused(t *testing.T) {
	var seen []string
	q := batch.NewCharges(func(_ context.Context, charges []*store.Charge, errs []error) {
		for _, c := range charges {
			for _, p := range c.Parts {
				text := fmt.Sprint(p.Subject, " ", p.N, " ", len(p.Levels), " ", len(p.Last), " ", p.Place)
				for _, m := range p.Meters {
					text += " " + m.Name
				}
				if p.Levels == nil {
					text += " no levels"
				}
				seen = append(seen, text)
			}
		}
	}, batch.Config{})
	long := store.NewCharge("a long subject", 5, rate, store.Meter{Name: "second", Max: 1})
	long.Parts[0].Last, long.Parts[0].Place = make([]int64, 2), 7
	long.Parts = append(long.Parts, store.NewPart("other", 4, rate))
	short := store.NewCharge("short", 1, rate)
	short.Parts[0].Levels = nil
	none := &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "from"}, {Subject: "to"}}}
	for _, c := range []*store.Charge{long, short, none, long} {
		require.NoError(t, q.Take(t.Context(), c))
	}
	two := []string{"a long subject [5 5] 2 2 7 rate second", "other [4] 1 0 0 rate"}
	require.Equal(t, []string{
		two[0], two[1], "short [1] 0 0 0 rate no levels", "from [] 0 0 0 no levels", "to [] 0 0 0 no levels", two[0], two[1],
	}, seen)
}

// TestPlace checks that the hint of a Counter reaches the caller's Charge.
func TestPlace(t *testing.T) {
	q := batch.NewCharges(func(_ context.Context, charges []*store.Charge, _ []error) {
		charges[0].Parts[0].Place++
	}, batch.Config{})
	c := store.NewCharge("a", 1, rate)
	for want := range uint64(3) {
		require.Equal(t, want, c.Parts[0].Place)
		require.NoError(t, q.Take(t.Context(), c))
	}
}

// TestErrors checks that an error belongs to one charge, and that an invalid charge is in
// no batch.
func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		var sizes []int
		q := batch.NewCharges(func(_ context.Context, charges []*store.Charge, errs []error) {
			time.Sleep(time.Minute)
			sizes = append(sizes, len(charges))
			for i, c := range charges {
				switch {
				case strings.HasPrefix(c.Parts[0].Subject, "broken"):
					errs[i] = broken
				case c.Parts[0].Subject == "panic":
					panic(store.ErrNotTaken)
				}
			}
		}, batch.Config{})
		take := func(subjects ...string) (errs []error) {
			errs = make([]error, len(subjects))
			for i, subject := range subjects {
				go func() { errs[i] = q.Take(t.Context(), store.NewCharge(subject, 1, rate)) }()
				synctest.Wait()
			}
			later(time.Hour)
			return errs
		}

		require.Equal(t, []error{nil, broken, nil, broken, nil}, take("first", "broken 1", "a", "broken 2", "b"))
		require.Equal(t, []error{nil, nil, nil, nil, nil}, take("a", "b", "c", "d", "e"), "no error is left of the last batch")
		for i, err := range take("first", "a", "panic", "b") {
			require.Equal(t, i > 0, err != nil)
			require.NotErrorIs(t, err, store.ErrNotTaken, "the charge may have happened before the panic")
		}
		require.Equal(t, []error{nil, nil}, take("a", "b"))
		require.ErrorIs(t, take("")[0], store.ErrInvalid)
		require.Equal(t, []int{1, 4, 1, 4, 1, 3, 1, 1}, sizes)
	})
}

// TestWeight checks that a batch has a bounded number of meters.
func TestWeight(t *testing.T) {
	for _, test := range []struct{ parts, meters, want int }{{1, 1, 128}, {1, 4, 128}, {1, 5, 102}, {3, 3, 56}, {6, 0, 85}, {6, 16, 5}} {
		synctest.Test(t, func(t *testing.T) {
			var sizes []int
			q := batch.NewCharges(func(_ context.Context, charges []*store.Charge, errs []error) {
				time.Sleep(time.Minute)
				sizes = append(sizes, len(charges))
			}, batch.Config{})
			c := &store.Charge{}
			for i := range test.parts {
				var meters []store.Meter
				for j := range test.meters {
					meters = append(meters, store.Meter{Name: fmt.Sprint(j), Max: 1})
				}
				c.Parts = append(c.Parts, store.NewPart(fmt.Sprint(i), 0, meters...))
			}
			ask := func() { _ = q.Take(t.Context(), clone(c)) }
			go ask()
			synctest.Wait()
			for range 130 {
				go ask()
			}
			later(5 * time.Hour)
			require.Equal(t, test.want, sizes[1], "%+v", test)
		})
	}
}
