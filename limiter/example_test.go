package limiter_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
)

func Example() {
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.Limit{Rate: 1, Burst: 2}, limiter.Config{})
	if err != nil {
		panic(err)
	}
	// time.Now() in a real program, or use Allow
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for range 3 {
		r, err := lim.AllowN(context.Background(), "client-7", at, 1)
		if err != nil {
			panic(err)
		}
		fmt.Println(r.Allowed, r.Remaining, r.RetryAfter)
	}
	// Output:
	// true 1 0s
	// true 0 0s
	// false 0 1s
}

func ExampleLimiter_Allow() {
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.PerMinute(1), limiter.Config{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for range 2 {
		r, err := lim.Allow(ctx, "client-7")
		if err == nil {
			err = r.Err()
		}
		if refusal, ok := errors.AsType[*limiter.LimitError](err); ok {
			fmt.Println("again in", refusal.RetryAfter.Round(time.Minute))
		} else {
			fmt.Println("error:", err)
		}
	}
	// Output:
	// error: <nil>
	// again in 1m0s
}

func ExampleLimiter_Wait() {
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.PerSecond(1000), limiter.Config{})
	if err != nil {
		panic(err)
	}
	for range 1005 { // the last few wait a millisecond each
		if err := lim.Wait(context.Background(), "outgoing"); err != nil {
			panic(err)
		}
	}
	fmt.Println(lim.WaitN(context.Background(), "outgoing", 1001))
	// Output: limiter: refused: can never be allowed: over the burst, or the limit is 0
}

func ExampleParse() {
	for _, s := range []string{"100/s burst 200", "30/m", "1000/h burst 1", "0/s", "fast"} {
		l, err := limiter.Parse(s)
		if err != nil {
			fmt.Printf("%s: invalid: %t\n", s, errors.Is(err, limiter.ErrInvalid))
			continue
		}
		fmt.Printf("%v: %.4g tokens a second, %d at once\n", l, l.Rate, l.Burst)
	}
	// Output:
	// 100/s burst 200: 100 tokens a second, 200 at once
	// 30/m burst 30: 0.5 tokens a second, 30 at once
	// 1000/h burst 1: 0.2778 tokens a second, 1 at once
	// blocked: 0 tokens a second, 0 at once
	// fast: invalid: true
}
