// Package copies copies Decisions in every way that go vet is to find.
package copies

import (
	"context"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

func assign(d *usageplan.Decision) {
	c := *d // want
	_ = c.Allowed
}

func pass(ctx context.Context, gate *usageplan.Gate, d *usageplan.Decision) error {
	return refund(ctx, gate, *d) // want
}

func refund(ctx context.Context, gate *usageplan.Gate, d usageplan.Decision) error { // want
	return gate.Refund(ctx, &d)
}

func result(res *middleware.Result) usageplan.Decision {
	return res.Decision // want
}

func each(all []usageplan.Decision) {
	for _, d := range all { // want
		_ = d.Allowed
	}
}

type job struct{ decision usageplan.Decision }

func hold(d *usageplan.Decision) *job {
	return &job{decision: *d} // want
}
