//go:build !386 && !arm

package ration_test

import (
	"fmt"

	"github.com/alicebob/miniredis/v2"
	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/redis"
)

// A busy key under a quota in Redis. Its process spends units that it has leased, and
// Close gives back the others. So another process finds what was spent and no more.
func Example_leases() {
	server := ration.Must(miniredis.Run())
	defer server.Close()
	st := ration.Must(redis.Open("redis://"+server.Addr(), redis.Config{}))
	defer st.Close()
	busy := ration.Must(ration.New(st, ration.Config{Lease: &lease.Config{}, Gate: patient}))
	plan := ration.Must(busy.Plan(ctx, "free", "unlimited", "1000/year"))
	key, secret, _ := busy.Issue(ctx, plan.ID, "my-client")

	for range 100 {
		d, err := busy.Gate.Admit(ctx, gate.Request{Secret: secret})
		if err != nil || !d.Allowed {
			fmt.Println(d.Reason, err)
		}
	}
	if err := busy.Close(); err != nil {
		fmt.Println("leased units are lost:", err)
	}

	other := ration.Must(ration.New(st, ration.Config{Gate: patient}))
	defer other.Close()
	windows, err := other.Gate.UsageByWindow(ctx, plan.ID, key.ID, "year", 1)
	w := windows[0]
	fmt.Printf("%d spent, %d leased, %d of %d remain %v\n", w.Used-w.Leased, w.Leased, w.Remaining, w.Limit, err)
	// Output: 100 spent, 0 leased, 900 of 1000 remain <nil>
}
