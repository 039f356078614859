package usageplan

import (
	"context"
	"errors"
)

// What a Store returns, wrapped or not.
var (
	ErrNotFound = errors.New("usageplan: not found")
	ErrExists   = errors.New("usageplan: exists already")
	ErrConflict = errors.New("usageplan: changed meanwhile")
)

// ErrClash is what a Service returns where two plans of a key would name one API stage.
// It is an ErrConflict too, and trying again does not help.
var ErrClash error = clash{}

type clash struct{}

func (clash) Error() string        { return "usageplan: one plan for each key and stage" }
func (clash) Is(target error) bool { return target == ErrConflict }

// Store keeps plans and links. Every method is atomic by itself and safe for concurrent
// use; nothing is asked of two together, so plans may live apart from keys and from
// counters. Its method names differ from apikey.Store's: one type may keep both. What
// goes in and out is the caller's own: a Store copies what is shared (maps, slices,
// pointers).
type Store interface {
	// InsertPlan keeps a new plan with Version 1; ErrExists if its ID is taken.
	InsertPlan(ctx context.Context, p Plan) error

	// Plan is the plan of that ID, or ErrNotFound.
	Plan(ctx context.Context, id string) (Plan, error)

	// UpdatePlan replaces the plan of p.ID if its Version is p.Version, and adds one to it;
	// ErrConflict if it is not, ErrNotFound if there is none.
	UpdatePlan(ctx context.Context, p Plan) error

	// DeletePlan removes a plan, and none of its links, if its Version is version; 0:
	// whatever it is. ErrConflict if it is not, ErrNotFound if there is none.
	DeletePlan(ctx context.Context, id string, version int64) error

	// Plans is a page of plans, newest first: at most limit of them, and the cursor of the
	// next page, "" at the end. The first cursor is "". A page is not disturbed by what
	// others insert meanwhile, and costs the same however many plans there are. A cursor
	// that the Store did not give wraps ErrInvalid.
	Plans(ctx context.Context, cursor string, limit int) (plans []Plan, next string, err error)

	// InsertLink keeps a new link with Version 1; ErrExists if the plan and key are linked.
	// Neither needs to be there: a link to a key or a plan that is no more is dead, and does
	// no harm.
	InsertLink(ctx context.Context, l Link) error

	// UpdateLink replaces the link of l.PlanID and l.KeyID as UpdatePlan does a plan.
	UpdateLink(ctx context.Context, l Link) error

	// DeleteLink removes a link; ErrNotFound if there is none.
	DeleteLink(ctx context.Context, planID, keyID string) error

	// KeyLinks is all links of a key, oldest first; none is no error.
	KeyLinks(ctx context.Context, keyID string) ([]Link, error)

	// PlanLinks is a page of the links to a plan, newest first, as Plans is one of plans,
	// whether the plan is there or not.
	PlanLinks(ctx context.Context, planID, cursor string, limit int) (links []Link, next string, err error)
}

// Notifier is what a store of keys or of plans may also be: it tells of changes, so that
// a Gate forgets what it had cached at once. Without it a change is seen within the
// Gate's MaxAge. A Notifier starts nothing of its own: one in this process calls changed
// before the changing method returns; one that hears from other processes has a Run that
// its owner runs.
type Notifier interface {
	// OnChange calls changed after each change, once it can be read: with the id of the key
	// or plan, for a link with its key's. It calls changed with "" when anything may have
	// changed: when a subscription begins, and after every break in it.
	//
	// A change that can be named is told by its id. After an id a Gate never goes back to
	// what it knew. After "" it reads a key again before it uses it, and goes on with what
	// it knew if the key cannot be read, within gate.Config.MaxStale.
	//
	// changed is quick and safe for concurrent use. It is not called once stop has returned.
	OnChange(changed func(id string)) (stop func())
}

// Listener is an optional interface of a Notifier that hears of other processes' changes
// only while its owner runs it, as store/redis does. A Gate warns gate.Config.Logger of
// one that nobody runs.
type Listener interface {
	Notifier

	// Listening reports whether a Run is under way. It is quick.
	Listening() bool
}
