package gate

import (
	"context"

	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store"
)

// recordedAllowance is what an audit log shows of a quota's current window.
type recordedAllowance struct {
	Limit     int64 `json:"limit"` // with what was added or cut
	Used      int64 `json:"used"`
	Remaining int64 `json:"remaining"`
}

func allowanceOf(l store.Level) recordedAllowance {
	return recordedAllowance{Limit: l.Max, Used: l.Used, Remaining: l.Remaining()}
}

// setRecorded makes the charge c, which sets what remains of one quota, and tells the
// History of it. id is that of the history.Entry.
//
// Requests use the quota at the same time. So only the limit is read before the charge,
// which no request changes. The charge itself says what was used when it was made.
func (g *Gate) setRecorded(ctx context.Context, id string, c *store.Charge) error {
	part := &c.Parts[0]
	read := store.NewCharge(part.Subject, 0, part.Meters...)
	read.At = c.At
	if err := g.takeMoved(ctx, read); err != nil {
		return err
	}
	part.Subject = read.Parts[0].Subject
	if err := g.takeMoved(ctx, c); err != nil {
		return err
	}

	after := part.Levels[0]
	before := read.Parts[0].Levels[0]
	before.Used = after.Used
	history.Tell(ctx, g.cfg.History, history.Change{
		Action: history.Extend, Kind: history.KindAllowance, ID: id, Before: allowanceOf(before), After: allowanceOf(after),
	})
	return nil
}
