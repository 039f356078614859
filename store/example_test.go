package store_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// counter is a minimal Counter. It has one subject and is not safe for concurrent use.
type counter struct {
	bucket store.Bucket
	window store.Window
}

// Take implements store.Counter for charges of a bucket and a window, in this order.
func (c *counter) Take(ctx context.Context, charge *store.Charge) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, err)
	}
	if err := charge.Check(); err != nil {
		return err
	}
	rate, day := &charge.Parts[0].Meters[0], &charge.Parts[0].Meters[1]
	bucket, level, fits := c.bucket.Take(rate, charge.At.UnixMicro(), charge.Parts[0].N[0])
	window, quota, left := c.window.Take(day, charge.At.UnixMicro(), charge.Parts[0].N[1])
	if charge.OK = fits && left; charge.OK {
		c.bucket, c.window = bucket, window
	} else { // report the state without the charge
		wait0, wait1 := level.Wait, quota.Wait
		_, level, _ = c.bucket.Take(rate, charge.At.UnixMicro(), 0)
		_, quota, _ = c.window.Take(day, charge.At.UnixMicro(), 0)
		level.Wait, quota.Wait = wait0, wait1
	}
	charge.Parts[0].Levels[0], charge.Parts[0].Levels[1] = level, quota
	return nil
}

var (
	midnight = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	meters   = []store.Meter{
		{Name: "rate", Max: 2, Rate: store.Rate{Tokens: 1, Per: 1_000_000}},
		{Name: "day", Max: 1000, Start: midnight.Unix(), End: midnight.AddDate(0, 0, 1).Unix(), Keep: 48 * time.Hour},
	}
)

// ExampleCharge makes requests of 400 units. Each takes one token of the throttle and 400
// units of the day's quota, or nothing.
func ExampleCharge() {
	var c store.Counter = new(counter)
	charge := store.Charge{At: midnight.Add(9 * time.Hour), Parts: []store.Part{{Subject: "customer-42", Meters: meters, N: []int64{1, 400}, Levels: make([]store.Level, 2)}}}
	for range 3 {
		if err := c.Take(context.Background(), &charge); err != nil {
			fmt.Println(err)
		}
		rate, day := charge.Parts[0].Levels[0], charge.Parts[0].Levels[1]
		fmt.Println(charge.OK, rate.Remaining(), rate.Wait, day.Remaining(), day.Wait)
	}
	// Output:
	// true 1 0s 600 0s
	// true 0 0s 200 0s
	// false 0 1s 200 15h0m0s
}

func ExampleCharge_Check() {
	charge := store.Charge{Parts: []store.Part{store.NewPart("", 0, store.Meter{Name: "day", Max: -1, Start: 86400, End: 0})}}
	fmt.Println(charge.Check())
	// Output:
	// store: invalid charge, store: not taken: subject: 0 bytes: want 1 to 512
	// meters[0].max: -1: want 0 to 2^53-1
	// meters[0].start, keep: 86400, 0s: want an end with them, or neither
}

func ExampleBucket_Take() {
	m := store.Meter{Name: "rate", Max: 3, Rate: store.Rate{Tokens: 7, Per: 1_000_000}}
	var b store.Bucket
	for _, at := range []int64{0, 0, 142_857, 142_858} { // microseconds
		next, level, ok := b.Take(&m, at, 2)
		if ok {
			b = next
		}
		fmt.Println(at, ok, level.Remaining(), level.Wait)
	}
	// Output:
	// 0 true 1 0s
	// 0 false 1 142.858ms
	// 142857 false 1 1µs
	// 142858 true 0 0s
}

func ExampleWindow_Take() {
	day := &meters[1]
	noon, evening := midnight.Add(12*time.Hour).UnixMicro(), midnight.Add(18*time.Hour).UnixMicro()
	var w store.Window
	w, _, _ = w.Take(day, noon, 900)
	_, level, ok := w.Take(day, evening, 200)
	fmt.Println(ok, level.Remaining(), level.Wait)

	w, level = w.Set(day, evening, 500) // the customer bought more
	fmt.Println(level.Used, level.Max)
	_, level, ok = w.Take(day, evening, 200)
	fmt.Println(ok, level.Remaining())
	// Output:
	// false 100 6h0m0s
	// 900 1400
	// true 300
}

func ExampleRateOf() {
	for _, perSecond := range []float64{7, 0.5, 1.0 / 86400, 300_000} {
		r, err := store.RateOf(perSecond)
		fmt.Println(r, err)
	}
	_, err := store.RateOf(-1)
	fmt.Println(err)
	// Output:
	// {7 1000000} <nil>
	// {1 2000000} <nil>
	// {1 86400000000} <nil>
	// {3 10} <nil>
	// rate -1 per second: want 0, or 1e-8 to 1e12
}

func ExamplePeek() {
	c := new(counter)
	at := midnight.Add(time.Hour)
	_ = c.Take(context.Background(), &store.Charge{At: at, Parts: []store.Part{store.NewPart("customer-42", 1, meters...)}})

	levels := make([]store.Level, 2)
	err := store.Peek(context.Background(), c, at, []string{"customer-42"}, meters, levels, nil)
	fmt.Println(err, levels[0].Used, levels[1].Used, levels[1].Reset)
	// Output:
	// <nil> 1 1 23h0m0s
}

// ExampleOne charges one bucket and needs no Charge.
func ExampleOne() {
	rate := store.Meter{Name: "rate", Max: 2, Rate: store.Rate{Tokens: 1, Per: 1_000_000}}
	c := store.One(memory.New(memory.Config{}))
	for range 3 {
		level, ok, err := c.TakeOne(context.Background(), "customer-42", &rate, midnight, 1)
		fmt.Println(ok, level.Remaining(), level.Wait, err)
	}
	// Output:
	// true 1 0s <nil>
	// true 0 0s <nil>
	// false 0 1s <nil>
}
