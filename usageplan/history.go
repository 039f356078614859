package usageplan

import (
	"cmp"
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
)

// The fields of a Plan and of a Group without their methods. An embedding struct hides
// Updated in JSON.
type (
	planFields  Plan
	groupFields Group
)

// A recordable thing is one whose changes are in an audit log.
type recordable interface {
	comparable

	// recordedID returns the ID by which an audit log knows it.
	recordedID() string

	// recorded returns what an audit log shows of it.
	recorded() any
}

func (p *Plan) recordedID() string  { return p.ID }
func (g *Group) recordedID() string { return g.ID }
func (l *Link) recordedID() string  { return l.KeyID + "/" + l.PlanID }

func (p *Plan) recorded() any {
	return struct {
		*planFields
		Updated *struct{} `json:"updated,omitzero"`
	}{planFields: (*planFields)(p)}
}

func (g *Group) recorded() any {
	return struct {
		*groupFields
		Updated *struct{} `json:"updated,omitzero"`
	}{groupFields: (*groupFields)(g)}
}

func (l *Link) recorded() any { return l }

// A recorder tells a history.Recorder, if there is one, of changes that were made. For
// each kind of thing, before is nil if the thing was created, and after is nil if it was
// deleted.
type recorder struct{ history.Recorder }

func (r recorder) plan(ctx context.Context, action string, before, after *Plan) {
	tell(ctx, r, history.Change{Action: action, Kind: history.KindPlan}, before, after)
}

func (r recorder) group(ctx context.Context, action string, before, after *Group) {
	tell(ctx, r, history.Change{Action: action, Kind: history.KindGroup}, before, after)
}

// link names both plans in the ID if the link was moved to another plan.
func (r recorder) link(ctx context.Context, action string, before, after *Link) {
	c := history.Change{Action: action, Kind: history.KindLink}
	if before != nil && after != nil && before.PlanID != after.PlanID {
		c.ID = before.recordedID() + "/" + after.PlanID
	}
	tell(ctx, r, c, before, after)
}

// tell completes c by a thing before and after its change. The ID is that of the thing,
// unless c has one.
func tell[T recordable](ctx context.Context, r recorder, c history.Change, before, after T) {
	if r.Recorder == nil {
		return
	}
	var none T
	if before != none {
		c.ID = cmp.Or(c.ID, before.recordedID())
		c.Before = before.recorded()
	}
	if after != none {
		c.ID = cmp.Or(c.ID, after.recordedID())
		c.After = after.recorded()
	}
	history.Tell(ctx, r.Recorder, c)
}

func (r recorder) keyMoved(ctx context.Context, before, after *apikey.Key) {
	if r.Recorder != nil {
		history.Tell(ctx, r.Recorder, history.Change{
			Action: history.Move, Kind: history.KindKey, ID: after.ID, Before: before.Recorded(), After: after.Recorded(),
		})
	}
}

// linkBefore returns the link that is about to be removed, if its removal will be
// recorded. A link that is not there has its IDs alone: it may be added until the
// removal.
func (s *Service) linkBefore(ctx context.Context, planID, keyID string) (Link, error) {
	if s.history.Recorder == nil {
		return Link{}, nil
	}
	links, err := s.KeyLinks(ctx, keyID)
	for _, l := range links {
		if l.PlanID == planID {
			return l, nil
		}
	}
	return Link{PlanID: planID, KeyID: keyID}, err
}
