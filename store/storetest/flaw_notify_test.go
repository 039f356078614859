package storetest

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// neverStops notifies listeners that have stopped.
type neverStops struct{ base }

func (s neverStops) OnChange(changed func(string)) func() {
	s.base.OnChange(changed)
	return func() {}
}

// tells is a Notifier that reports inserts in a wrong way.
type tells struct {
	base
	way   way
	quiet *bool // do not report what the base reports
	ears  *[]func(id string)
}

type way int

const (
	before way = iota // before the change is made
	failed            // even if the change failed
	ofPlan            // the plan's ID where the key's is due
	never
)

func newTells(w way) tells { return tells{newBase(), w, new(bool), new([]func(string))} }

func (s tells) OnChange(changed func(string)) func() {
	*s.ears = append(*s.ears, changed)
	return s.base.OnChange(func(id string) {
		if !*s.quiet {
			changed(id)
		}
	})
}

func (s tells) insert(id string, change func() error) error {
	if s.way == before {
		s.tell(id)
	}
	*s.quiet = s.way != failed
	err := change()
	*s.quiet = false
	if s.way == failed && err != nil || s.way == ofPlan && err == nil {
		s.tell(id)
	}
	return err
}

func (s tells) tell(id string) {
	for _, changed := range *s.ears {
		changed(id)
	}
}

func (s tells) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.insert(k.ID, func() error { return s.base.InsertKey(ctx, k) })
}

func (s tells) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.insert(p.ID, func() error { return s.base.InsertPlan(ctx, p) })
}

func (s tells) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.insert(l.PlanID, func() error { return s.base.InsertLink(ctx, l) })
}
