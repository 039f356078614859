package storetest

import (
	"context"

	"github.com/ration-go/ration/usageplan"
)

// altersAlerts is a directory that changes the Alerts of plans and links that it is to
// keep.
type altersAlerts struct {
	base
	change func([]int) []int
}

func (s altersAlerts) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	p.Alerts = s.change(p.Alerts)
	return s.base.InsertPlan(ctx, p)
}

func (s altersAlerts) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	p.Alerts = s.change(p.Alerts)
	return s.base.UpdatePlan(ctx, p)
}

func (s altersAlerts) InsertLink(ctx context.Context, l usageplan.Link) error {
	l.Alerts = s.change(l.Alerts)
	return s.base.InsertLink(ctx, l)
}

func (s altersAlerts) UpdateLink(ctx context.Context, l usageplan.Link) error {
	l.Alerts = s.change(l.Alerts)
	return s.base.UpdateLink(ctx, l)
}

// alertsAltered makes a flaw of the Alerts of plans and links.
func alertsAltered(name, caught string, change func([]int) []int) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store { return altersAlerts{newBase(), change} }}
}

var alertFlaws = []directoryFlaw[usageplan.Store]{
	alertsAltered("drops alerts", "insert, links, update, links/update, bounds, links/bounds", func([]int) []int { return nil }),
	alertsAltered("reads no alerts as those of the default", "update, links/update, links/bounds", func(all []int) []int {
		if len(all) == 0 {
			return nil
		}
		return all
	}),
	alertsAltered("reads the alerts of the default as none", "links/update, links/bounds", func(all []int) []int { return append([]int{}, all...) }),
	alertsAltered("keeps alerts of a byte", "bounds, links/bounds", func(all []int) (kept []int) {
		if all != nil {
			kept = []int{}
		}
		for _, t := range all {
			kept = append(kept, int(uint8(t)))
		}
		return kept
	}),
	{"shares the alerts of links", "copies", func() usageplan.Store { return sharesAlerts{newBase(), newMemo[string, []int]()} }},
}

// sharesAlerts is a directory that keeps the Alerts of links that it gets, and returns
// them.
type sharesAlerts struct {
	base
	kept *memo[string, []int] // by the ID of a key
}

func (s sharesAlerts) InsertLink(ctx context.Context, l usageplan.Link) error {
	s.kept.set(l.KeyID, l.Alerts)
	return s.base.InsertLink(ctx, l)
}

func (s sharesAlerts) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	for i := range links {
		links[i].Alerts = s.kept.of(links[i].KeyID)
	}
	return links, err
}

func (s sharesAlerts) UpdateLink(ctx context.Context, l usageplan.Link) error {
	s.kept.set(l.KeyID, l.Alerts)
	return s.base.UpdateLink(ctx, l)
}
