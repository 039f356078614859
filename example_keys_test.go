package ration_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// The examples in this file go with docs/at-start.md, docs/life-of-a-key.md and
// docs/redis-in-production.md.

// A key is rotated twice, disabled, moved to another plan, and reported on.
func Example_lifeOfAKey() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	ration.Must(r.Plan(ctx, "free", "unlimited", "1000/year"))
	ration.Must(r.Plan(ctx, "pro", "unlimited", "5000/year"))
	try := func(secret apikey.Secret) {
		statuses(r.Handler(hello), 1, func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) })
	}

	key, first, _ := r.Issue(ctx, "free", "ann")
	_, second, _ := r.Keys.Rotate(ctx, key.ID, 24*time.Hour)
	fmt.Println("rotated once")
	try(first)
	try(second)
	_, third, _ := r.Keys.Rotate(ctx, key.ID, 24*time.Hour)
	fmt.Println("rotated twice")
	try(first)
	try(second)
	try(third)

	_, _ = r.Keys.Disable(ctx, key.ID)
	fmt.Println("disabled")
	try(third)
	_, _ = r.Keys.Enable(ctx, key.ID)

	fmt.Println("moved", r.Plans.Move(ctx, key.ID, "free", "pro"))
	try(third)
	_, err := r.Gate.UsageByDay(ctx, "free", key.ID, usageplan.Requests, 7)
	fmt.Println("not found:", errors.Is(err, usageplan.ErrNotFound))
	days, _ := r.Gate.UsageByDay(ctx, "pro", key.ID, usageplan.Requests, 7)
	var used int64
	for _, day := range days {
		used += day.Used
	}
	fmt.Println(len(days), "days, used", used)
	// Output:
	// rotated once
	// 200
	// 200
	// rotated twice
	// 401
	// 200
	// 200
	// disabled
	// 401
	// moved <nil>
	// 200
	// not found: true
	// 7 days, used 5
}
