package history

import (
	"context"
	"time"
)

// A Recorder is told of changes. It is safe for concurrent use.
type Recorder interface {
	// Record records a change that was made. The change stands, whatever becomes of the
	// record, so Record returns no error. It runs on the goroutine of the change, which
	// waits for it.
	//
	// An Entry shares its Before and After with others. A Recorder does not modify them.
	Record(ctx context.Context, e Entry)
}

// Recorders tells each of several Recorders, one after the other. A nil among them is
// skipped.
type Recorders []Recorder

// Record tells each Recorder.
func (all Recorders) Record(ctx context.Context, e Entry) {
	for _, r := range all {
		if r != nil {
			r.Record(ctx, e)
		}
	}
}

// A Change is what Tell makes an Entry of.
type Change struct {
	Action, Kind, ID string

	// Before and After are encoded by State. A nil stands for a thing that is not there.
	Before, After any

	// Unseen says that the change may be in what Before and After do not show, such as a
	// secret. It is recorded also if the two do not differ.
	Unseen bool
}

// Tell records a change by the Actor of ctx. It does nothing if r is nil, or if Before
// and After do not differ: see Entry.Diff and Unseen. Call Tell after the change was
// made.
//
// Security: Before and After must not have secrets.
func Tell(ctx context.Context, r Recorder, c Change) {
	if r == nil {
		return
	}
	e := Entry{
		At: time.Now().UTC().Truncate(time.Microsecond), Actor: ActorOf(ctx),
		Action: c.Action, Kind: c.Kind, ID: c.ID, Before: State(c.Before), After: State(c.After),
	}
	if !c.Unseen && e.Before != nil && e.After != nil && len(e.Diff()) == 0 {
		return
	}
	r.Record(ctx, e.bounded())
}
