package quota_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

func Example() {
	q := quota.Quota{Limit: 3, Period: quota.Day}
	counter := memory.New(memory.Config{})
	for _, at := range []time.Time{
		time.Date(2026, 3, 5, 22, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 5, 23, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 6, 0, 0, 0, 0, time.UTC),
	} {
		c := &store.Charge{At: at, Parts: []store.Part{store.NewPart("client-7", 2, q.Meter(at, time.Hour))}}
		if err := counter.Take(context.Background(), c); err != nil {
			panic(err)
		}
		fmt.Println(at.Format(time.DateTime), c.OK, c.Parts[0].Levels[0].Remaining(), c.Parts[0].Levels[0].Wait)
	}
	// Output:
	// 2026-03-05 22:00:00 true 1 0s
	// 2026-03-05 23:00:00 false 1 1h0m0s
	// 2026-03-06 00:00:00 true 1 0s
}

func ExampleQuota_Window() {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	q := quota.Quota{Limit: 1_000_000, Period: quota.Month, StartDay: 31, Location: berlin}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for range 3 {
		start, end := q.Window(at)
		fmt.Println(start, "to", end)
		at = end
	}
	// Output:
	// 2026-01-31 00:00:00 +0100 CET to 2026-02-28 00:00:00 +0100 CET
	// 2026-02-28 00:00:00 +0100 CET to 2026-03-31 00:00:00 +0200 CEST
	// 2026-03-31 00:00:00 +0200 CEST to 2026-04-30 00:00:00 +0200 CEST
}

// A soft quota shows what a limit would refuse before it is in force.
func ExampleCounter_soft() {
	counter, err := quota.New(memory.New(memory.Config{}), quota.MustParse("2/year soft"), quota.Config{})
	if err != nil {
		panic(err)
	}
	for range 3 {
		r, err := counter.Use(context.Background(), "ann", 1)
		if err != nil {
			panic(err)
		}
		fmt.Println(r.Allowed, r.Remaining, r.RetryAfter > 0)
	}
	// Output:
	// true 1 false
	// true 0 false
	// true 0 true
}

func ExampleParse() {
	for _, text := range []string{"1000/day", "500/week start monday", "1000000/month start 15 in Europe/Berlin as tokens", "5/day start 3"} {
		q, err := quota.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(q.Limit, q.Period, q)
	}
	// Output:
	// 1000 day 1000/day
	// 500 week 500/week start Monday
	// 1000000 month 1000000/month start 15 in Europe/Berlin as tokens
	// quota: invalid quota "5/day start 3": start day: "3": want none for a day
}

func ExampleDays() {
	ctx, counter := context.Background(), memory.New(memory.Config{})
	for day, units := range []int64{7, 0, 5} {
		at := time.Date(2026, 3, 4+day, 12, 0, 0, 0, time.UTC)
		c := &store.Charge{At: at, Parts: []store.Part{store.NewPart("client-7", units, quota.Record(quota.RecordName, at, 90*24*time.Hour))}}
		if err := counter.Take(ctx, c); err != nil {
			panic(err)
		}
	}
	now := time.Date(2026, 3, 6, 18, 0, 0, 0, time.UTC)
	usage, err := quota.Days(ctx, counter, now, []string{"client-7"}, quota.RecordName, 3)
	if err != nil {
		panic(err)
	}
	for _, day := range usage[0] {
		fmt.Println(day.Start.Format(time.DateOnly), day.Used)
	}
	// Output:
	// 2026-03-04 7
	// 2026-03-05 0
	// 2026-03-06 5
}

// ExampleCounter gives a user a thousand units a month. No API keys are needed.
func ExampleCounter() {
	counter, err := quota.New(memory.New(memory.Config{}), quota.MustParse("1000/month"), quota.Config{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	for _, n := range []int64{600, 600} {
		r, err := counter.Use(ctx, "user-7", n)
		if err != nil {
			panic(err)
		}
		fmt.Println(r.Allowed, r.Remaining)
	}
	// Output:
	// true 400
	// false 400
}

func ExampleForecast() {
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	month := quota.Usage{Start: start, End: start.AddDate(0, 1, 0), Used: 600_000, Limit: 1_000_000}
	p := quota.Forecast(start.AddDate(0, 0, 12), month)
	fmt.Println(p.AtEnd, "by the end of the month, used up on", p.UsedUp.Format(time.DateOnly))
	// Output: 1500000 by the end of the month, used up on 2026-04-21
}
