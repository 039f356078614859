package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ration-go/ration/internal/fault"
)

// What was done.
const (
	Create  = "create"
	Import  = "import" // a key whose secret clients have already
	Update  = "update"
	Enable  = "enable"
	Disable = "disable"
	Expire  = "expire" // a change of the time at which a key expires
	Rotate  = "rotate"
	Revoke  = "revoke" // a secret that others may know
	Delete  = "delete"
	Link    = "link"
	Unlink  = "unlink"
	Move    = "move"   // a key to another plan or group, or a group to another parent
	Extend  = "extend" // or cut what remains of a quota's window
)

// The kinds of things that change.
const (
	KindKey       = "key"
	KindPlan      = "plan"
	KindGroup     = "group"
	KindLink      = "link"
	KindAllowance = "allowance" // what remains of a quota
)

// An Entry is one change that was made. Its JSON form is stable, so stores may keep it.
type Entry struct {
	// At is the time when the change was recorded, just after it was made. It is in UTC and
	// in whole microseconds.
	At time.Time `json:"at"`

	// Actor is who made the change. It is zero if nobody has said so.
	Actor Actor `json:"actor,omitzero"`

	// Action says what was done, such as Rotate.
	Action string `json:"action"`

	// Kind says what was changed, such as KindKey.
	Kind string `json:"kind"`

	// ID names the thing: "key", "plan" or "group", or a path of IDs:
	//
	//   - a link is "key/plan", and "key/from/to" if it was moved to another plan
	//   - an allowance is "key/plan/quota", or "group/quota"
	ID string `json:"id"`

	// Before and After are the thing as JSON objects. Before is nil if the thing was
	// created, and After is nil if it was deleted. They have no secrets, and no time of the
	// last change. A member that would make them too large is cut: see State.
	Before json.RawMessage `json:"before,omitzero"`
	After  json.RawMessage `json:"after,omitzero"`
}

// The bounds of an Entry, in bytes. Tell cuts what is longer.
const (
	MaxState = 16 << 10 // of Before, and of After
	MaxKind  = 64       // of Actor.Kind, Kind and Action
	MaxName  = 256      // of Actor.Name
	MaxID    = 512      // of ID
)

// Validate reports every fault of e at once: no time, a text that is too long or not
// valid UTF-8, and a Before or After that is neither nil nor JSON. The error wraps
// ErrInvalid. Stores call it, so that the bounds hold for every Entry that they keep.
func (e *Entry) Validate() error {
	var at error
	if year := e.At.UTC().Year(); e.At.IsZero() || year < 1 || year > 9999 {
		at = fmt.Errorf("at: year %d: want the time of the change", year)
	}
	return fault.Report(ErrInvalid, "entry", at,
		textFault("actor.kind", e.Actor.Kind, MaxKind), textFault("actor.name", e.Actor.Name, MaxName),
		textFault("action", e.Action, MaxKind), textFault("kind", e.Kind, MaxKind), textFault("id", e.ID, MaxID),
		stateFault("before", e.Before), stateFault("after", e.After))
}

func textFault(field, text string, most int) error {
	if len(text) > most {
		return fmt.Errorf("%s: %d bytes: want at most %d", field, len(text), most)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("%s: %.40q: want UTF-8 without the character NUL", field, text)
	}
	return nil
}

func stateFault(field string, state json.RawMessage) error {
	if len(state) > MaxState {
		return fmt.Errorf("%s: %d bytes: want at most %d", field, len(state), MaxState)
	}
	if state != nil && !(json.Valid(state) && utf8.Valid(state)) {
		return fmt.Errorf("%s: %.40q: want JSON in UTF-8", field, state)
	}
	return nil
}

// A Filter selects entries. The zero Filter selects all.
type Filter struct {
	// Kind and Action, if not empty, select by equality.
	Kind, Action string

	// ID, if not empty, selects the entries with a part of their ID that equals it. So the
	// ID of a key also selects its links and allowances, and the ID of a plan its links.
	ID string

	// Actor, if not zero, selects by equality.
	Actor Actor

	// Since and Before, if not zero, select entries from Since on, and before Before.
	Since, Before time.Time
}

// Passes reports whether f selects e. It is for stores.
func (f *Filter) Passes(e *Entry) bool {
	switch {
	case f.Kind != "" && f.Kind != e.Kind,
		f.Action != "" && f.Action != e.Action,
		f.Actor != (Actor{}) && f.Actor != e.Actor,
		!f.Since.IsZero() && e.At.Before(f.Since),
		!f.Before.IsZero() && !e.At.Before(f.Before):
		return false
	}
	return f.ID == "" || strings.Contains("/"+e.ID+"/", "/"+f.ID+"/")
}
