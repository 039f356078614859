// Package pointers uses Decisions as they are meant to be used: go vet has nothing to say.
package pointers

import (
	"context"
	"log"

	"github.com/ration-go/ration/usageplan"
)

func decide(ctx context.Context, gate *usageplan.Gate, req usageplan.Request) (usageplan.Decision, error) {
	return gate.Admit(ctx, req)
}

func serve(ctx context.Context, gate *usageplan.Gate, later chan<- *usageplan.Decision) error {
	d, err := decide(ctx, gate, usageplan.Request{})
	if err != nil || !d.Allowed {
		return err
	}
	later <- &d
	keep(d.Outcome)
	return nil
}

func keep(o usageplan.Outcome) { log.Print(o.Reason, o.Limits()) }

func settle(ctx context.Context, gate *usageplan.Gate, later <-chan *usageplan.Decision) {
	for d := range later {
		_ = gate.Settle(ctx, d, 3)
	}
}
