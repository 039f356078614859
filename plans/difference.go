package plans

import (
	"fmt"
	"strings"
)

// An Action is what a Change does.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Move   Action = "move" // a key to another group, or a link to another plan
	Delete Action = "delete"
)

// A Kind is the kind of a record.
type Kind string

// The kinds.
const (
	KindPlan  Kind = "plan"
	KindGroup Kind = "group"
	KindKey   Kind = "key"
	KindLink  Kind = "link"
)

// A Record names a plan, a group, a key or a link.
type Record struct {
	Kind   Kind
	ID     string // of a link, the ID of the key
	PlanID string // of a link
}

// String returns a text such as "plan free" or "link of key crawler to plan free".
func (r Record) String() string {
	if r.Kind == KindLink {
		return fmt.Sprintf("link of key %s to plan %s", r.ID, r.PlanID)
	}
	return string(r.Kind) + " " + r.ID
}

// A Change is one difference between a file and a store.
type Change struct {
	Action Action
	Record

	// From is where a Move begins, and To where it ends: the IDs of groups or of plans. They
	// are empty for no group.
	From, To string

	// Fields lists what a Create or an Update sets.
	Fields []Field
}

var signs = map[Action]string{Create: "+", Update: "~", Move: ">", Delete: "-"}

// String returns the change and its fields, each on a line of its own.
func (c Change) String() string {
	text := signs[c.Action] + " " + c.head()
	for _, f := range c.Fields {
		text += "\n    " + f.Path + ": "
		if c.Action == Update {
			text += orNone(f.Before) + " -> "
		}
		text += orNone(f.After)
	}
	return text
}

func (c Change) head() string {
	switch {
	case c.Action != Move:
		return string(c.Action) + " " + c.Record.String()
	case c.Kind == KindLink:
		return fmt.Sprintf("move key %s from plan %s to plan %s", c.ID, c.From, c.To)
	}
	return fmt.Sprintf("move key %s from %s to %s", c.ID, groupOrNone(c.From), groupOrNone(c.To))
}

// none is shown for a field that is not set.
const none = "none"

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

func groupOrNone(id string) string {
	if id == "" {
		return "no group"
	}
	return "group " + id
}

// An Unmanaged is a record that a file does not have and that stays.
type Unmanaged struct {
	Record

	// Why says why Config.Prune does not delete the record. It is empty without Prune.
	Why string
}

// A Difference is what a file changes in a store, in the order in which Apply changes it.
type Difference struct {
	Changes []Change

	// Unmanaged lists plans, groups, and links of the keys that the file names, which the
	// file does not have. They stay.
	Unmanaged []Unmanaged
}

// Empty reports whether there is nothing to change.
func (d Difference) Empty() bool { return len(d.Changes) == 0 }

// String returns each change and each unmanaged record on lines of its own. It is "no
// changes" if there are none.
func (d Difference) String() string {
	var lines []string
	for _, c := range d.Changes {
		lines = append(lines, c.String())
	}
	if d.Empty() {
		lines = append(lines, "no changes")
	}
	for _, u := range d.Unmanaged {
		line := "  unmanaged: " + u.Record.String()
		if u.Why != "" {
			line += " (" + u.Why + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
