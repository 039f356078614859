package ration_test

import (
	"context"
	"fmt"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
)

// A service is told when a key has used half and all of its quota.
func Example_alerts() {
	alerts := ration.Must(alert.New(func(_ context.Context, e alert.Event) {
		fmt.Printf("%v: %d of %d (%d%%) of the %s\n", e.Payer.Kind, e.Used, e.Max, e.Threshold, e.Limit)
	}, alert.Config{Thresholds: []int{50, 100}}))
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{Gate: gate.Config{Observer: alerts}}))
	defer r.Close()
	plan := ration.Must(r.Plan(ctx, "free", "unlimited", "4/year"))
	_, secret, _ := r.Issue(ctx, plan.ID, "my-client")

	for range 5 {
		if _, err := r.Gate.Admit(ctx, gate.Request{Secret: secret}); err != nil {
			fmt.Println(err)
		}
	}

	// A server calls Run on a goroutine when it starts. After the end of its context Run
	// delivers what is queued.
	stopped, stop := context.WithCancel(ctx)
	stop()
	_ = alerts.Run(stopped)
	// Output:
	// key: 2 of 4 (50%) of the year
	// key: 4 of 4 (100%) of the year
}
