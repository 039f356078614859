package usageplan

import (
	"context"
	"errors"
)

// The errors of a Store, which it may wrap. Any other error, except ErrInvalid, means
// that the store failed, and a change may then have happened.
var (
	// ErrNotFound means that there is no such plan, link or group.
	ErrNotFound = errors.New("usageplan: not found")

	// ErrExists means that the ID of a plan or a group is taken, or that a key and a plan
	// are linked. Groups.MoveKey returns it if the key has counts where it would move to.
	ErrExists = errors.New("usageplan: exists already")

	// ErrConflict means that the plan, the link or the group was changed since it was read.
	ErrConflict = errors.New("usageplan: changed meanwhile")
)

// ErrClash means that two plans of a key would name the same API stage. A Service returns
// it. errors.Is also reports an ErrClash as ErrConflict, but it does not help to try
// again.
var ErrClash error = clash{}

type clash struct{}

func (clash) Error() string        { return "usageplan: one plan for each key and stage" }
func (clash) Is(target error) bool { return target == ErrConflict }

// A Store keeps plans and links.
//
// Every method is atomic and safe for concurrent use. If ctx is done before a call
// begins, the call changes nothing and returns an error that wraps ctx.Err(). If ctx ends
// while a change is under way, the change is made as a whole or not at all. Without an
// error it was made.
//
// No caller needs two calls to be atomic together, so plans may be in another store than
// keys and counters. The names of the methods differ from those of apikey.Store, so one
// type may implement both.
//
// Lists are in the order of insertion. "Newest first" means that the record of the latest
// insert comes first, and "oldest first" the reverse. Created, IDs and updates have no
// effect on the order. A link that is deleted and inserted again is the newest one. So a
// store needs a number for each insertion, which goes on after a restart.
//
// A Version tells two states of a plan or a link apart. InsertPlan and InsertLink ignore
// the Version that they get and store 1, unlike apikey.Store. Every update adds 1 to the
// stored Version, and nothing else changes it.
//
// Two Stores over one storage act as one Store, and a Store that is opened again has all
// that it had.
//
// A Store shares no memory with its callers: it copies the maps, slices and pointers of
// the plans and links that it receives and returns.
//
// A Store keeps plans and links as they are and does not validate them. IDs are compared
// byte by byte. The ID of a plan may also be the ID of a key. A time is an instant, in
// whole microseconds. A Store may return it in another zone. The JSON forms of Plan and
// Link are stable, so a Store may keep them.
//
// Package storetest has tests for stores.
type Store interface {
	// InsertPlan adds a plan with Version 1. It returns ErrExists if the ID is taken.
	InsertPlan(ctx context.Context, p Plan) error

	// Plan returns the plan with an ID, or ErrNotFound.
	Plan(ctx context.Context, id string) (Plan, error)

	// UpdatePlan replaces the stored plan that has the ID of p, and adds 1 to the Version.
	// It returns ErrNotFound if there is no such plan, and ErrConflict if p.Version is not
	// the stored Version.
	UpdatePlan(ctx context.Context, p Plan) error

	// DeletePlan removes the plan with an ID and keeps its links. It returns ErrNotFound if
	// there is no such plan, and ErrConflict if version is not the stored Version. A version
	// of 0 matches every plan.
	DeletePlan(ctx context.Context, id string, version int64) error

	// Plans returns a page of plans, newest first, and the cursor of the next page. The page
	// has at most limit plans. The limit is at least 1, and may be as great as an int is.
	// The empty cursor begins the list, and an empty next marks the last page. A cursor that
	// is not from Plans returns ErrInvalid.
	//
	// Plans that others insert meanwhile do not disturb a listing. A page costs the same,
	// however many plans there are.
	Plans(ctx context.Context, cursor string, limit int) (plans []Plan, next string, err error)

	// InsertLink adds a link with Version 1. It returns ErrExists if the key and the plan
	// are linked. It does not check that they exist, because a link without a key or a plan
	// has no effect.
	InsertLink(ctx context.Context, l Link) error

	// UpdateLink replaces the link of l.KeyID to l.PlanID, as UpdatePlan replaces a plan.
	UpdateLink(ctx context.Context, l Link) error

	// DeleteLink removes a link, or returns ErrNotFound.
	DeleteLink(ctx context.Context, planID, keyID string) error

	// KeyLinks returns all links of a key, oldest first. It is no error if there are none.
	KeyLinks(ctx context.Context, keyID string) ([]Link, error)

	// PlanLinks returns a page of the links to a plan, newest first, as Plans returns a page
	// of plans. The plan need not exist.
	PlanLinks(ctx context.Context, planID, cursor string, limit int) (links []Link, next string, err error)
}

// A Notifier is an optional interface of a store of keys, plans and groups. It tells a
// Gate of changes, so that the Gate drops what it has cached at once. Without a Notifier,
// a change takes effect within the MaxAge of the Gate.
//
// A Notifier starts no goroutine. A store in this process calls changed before the
// changing method returns. A store that is told of changes by other processes has a Run
// method, which its owner calls: see Listener.
type Notifier interface {
	// OnChange calls changed after each change, when the change can be read, until stop is
	// called. The id is that of the key, the plan or the group. For a link it is that of the
	// key.
	//
	// OnChange calls changed with "" if anything may have changed: at the start of a
	// subscription, and after every break in it. If a change can be named, OnChange must
	// name it, because a Gate treats the two cases differently:
	//
	//   - After an id, a Gate never uses again what it had cached of that key, plan or
	//     group.
	//   - After "", a Gate reads a key again before it uses it. If the key cannot be read,
	//     the Gate uses what it had cached, within gate.Config.MaxStale.
	//
	// changed must return quickly and be safe for concurrent use. OnChange does not call it
	// after stop has returned.
	OnChange(changed func(id string)) (stop func())
}

// A Listener is an optional interface of a Notifier that learns of the changes of other
// processes only while its owner runs it, such as store/redis. A Gate warns its Logger of
// a Listener that is not running.
type Listener interface {
	Notifier

	// ListenerState returns whether a Run is in progress, and whether it hears of changes.
	// It must return quickly. A Subscription keeps it.
	ListenerState() ListenerState
}
