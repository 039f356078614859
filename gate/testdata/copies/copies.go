// Package copies copies Decisions in every way that go vet is to find.
package copies

import (
	"context"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
)

func assign(d *gate.Decision) {
	c := *d // want
	_ = c.Allowed
}

func pass(ctx context.Context, g *gate.Gate, d *gate.Decision) error {
	return refund(ctx, g, *d) // want
}

func refund(ctx context.Context, g *gate.Gate, d gate.Decision) error { // want
	return g.Refund(ctx, &d)
}

func result(res *middleware.Result) gate.Decision {
	return res.Decision // want
}

func each(all []gate.Decision) {
	for _, d := range all { // want
		_ = d.Allowed
	}
}

type job struct{ decision gate.Decision }

func hold(d *gate.Decision) *job {
	return &job{decision: *d} // want
}
