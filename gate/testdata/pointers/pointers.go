// Package pointers uses Decisions as they are meant to be used: go vet has nothing to
// say.
package pointers

import (
	"context"
	"log"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

func decide(ctx context.Context, g *gate.Gate, req gate.Request) (gate.Decision, error) {
	return g.Admit(ctx, req)
}

func serve(ctx context.Context, g *gate.Gate, later chan<- *gate.Decision) error {
	d, err := decide(ctx, g, gate.Request{})
	if err != nil || !d.Allowed {
		return err
	}
	later <- &d
	keep(d.Outcome)
	return nil
}

func keep(o gate.Outcome) { log.Print(o.Reason, o.Limits()) }

func settle(ctx context.Context, g *gate.Gate, later <-chan *gate.Decision) {
	for d := range later {
		_ = g.Settle(ctx, d, usageplan.Costs{3})
	}
}
