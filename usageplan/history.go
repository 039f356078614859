package usageplan

import (
	"context"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
)

// What an audit log shows of a Plan and of a Group: all fields except Updated, which the
// own field hides in JSON.
type (
	planFields   Plan
	recordedPlan struct {
		*planFields
		Updated *struct{} `json:"updated,omitzero"`
	}

	groupFields   Group
	recordedGroup struct {
		*groupFields
		Updated *struct{} `json:"updated,omitzero"`
	}
)

// A recorder tells a history.Recorder, if there is one, of changes that were made. For
// each kind of thing, before is nil if the thing was created, and after is nil if it was
// deleted.
type recorder struct{ history.Recorder }

func (r recorder) plan(ctx context.Context, action string, before, after *Plan) {
	if r.Recorder == nil {
		return
	}
	c := history.Change{Action: action, Kind: history.KindPlan}
	if before != nil {
		c.ID, c.Before = before.ID, recordedPlan{planFields: (*planFields)(before)}
	}
	if after != nil {
		c.ID, c.After = after.ID, recordedPlan{planFields: (*planFields)(after)}
	}
	history.Tell(ctx, r.Recorder, c)
}

func (r recorder) group(ctx context.Context, action string, before, after *Group) {
	if r.Recorder == nil {
		return
	}
	c := history.Change{Action: action, Kind: history.KindGroup}
	if before != nil {
		c.ID, c.Before = before.ID, recordedGroup{groupFields: (*groupFields)(before)}
	}
	if after != nil {
		c.ID, c.After = after.ID, recordedGroup{groupFields: (*groupFields)(after)}
	}
	history.Tell(ctx, r.Recorder, c)
}

func (r recorder) link(ctx context.Context, action string, before, after *Link) {
	if r.Recorder == nil {
		return
	}
	c := history.Change{Action: action, Kind: history.KindLink}
	if before != nil {
		c.ID, c.Before = before.KeyID+"/"+before.PlanID, before
	}
	switch {
	case after == nil:
	case before != nil && after.PlanID != before.PlanID:
		c.ID, c.After = c.ID+"/"+after.PlanID, after
	default:
		c.ID, c.After = after.KeyID+"/"+after.PlanID, after
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
