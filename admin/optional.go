package admin

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/observe"
)

// A Lister lists changes. A history.History and every history.Store is one.
type Lister interface {
	// List returns a page of the entries that f selects, newest first, and the cursor of the
	// next page.
	List(ctx context.Context, f history.Filter, cursor string, limit int) (entries []history.Entry, next string, err error)
}

// A counted is a Snapshot of Config.Counts, or nothing if there are none.
type counted struct {
	observe.Snapshot
	on   bool
	keys map[string]*observe.KeyCount
}

// counted returns what was counted until now.
func (h *Handler) counted() *counted {
	if h.cfg.Counts == nil {
		return &counted{}
	}
	c := &counted{Snapshot: h.cfg.Counts.Snapshot(), on: true, keys: map[string]*observe.KeyCount{}}
	for i := range c.Keys {
		c.keys[c.Keys[i].ID] = &c.Keys[i]
	}
	return c
}

// key returns what was refused of a key, as a text, or nothing if nothing counts it.
func (c *counted) key(id string) string {
	if !c.on {
		return ""
	}
	k := c.keys[id]
	if k == nil || k.Refused == 0 {
		return "none"
	}
	switch {
	case k.Throttled == 0:
		return number(k.Refused)
	case k.Throttled == k.Refused:
		return number(k.Refused) + ", all throttled"
	}
	return number(k.Refused) + ", " + number(k.Throttled) + " throttled"
}

// A planCount says how many requests of a plan were admitted and refused.
type planCount struct {
	Plan                                string
	Admitted, Refused, Throttled, Quota int64
	Share                               string // of all that was refused
}

// plans returns the counts by plan. The plan with the most refusals comes first.
func (c *counted) plans() (list []planCount) {
	at := map[string]int{}
	for i := range c.Decisions {
		d := &c.Decisions[i]
		n, seen := at[d.Plan]
		if !seen {
			n = len(list)
			at[d.Plan], list = n, append(list, planCount{Plan: d.Plan})
		}
		p := &list[n]
		switch {
		case d.Allowed:
			p.Admitted += d.Count
			continue
		case d.Reason == gate.Throttled:
			p.Throttled += d.Count
		case d.Reason == gate.QuotaExceeded:
			p.Quota += d.Count
		}
		p.Refused += d.Count
	}
	for i := range list {
		list[i].Share = share(list[i].Refused, list[i].Refused+list[i].Admitted)
	}
	slices.SortStableFunc(list, func(a, b planCount) int { return cmp.Compare(b.Refused, a.Refused) })
	return list
}

// A whatIf says what a limit that does not refuse would have refused.
type whatIf struct {
	Plan, Limit, Unit, Payer string
	Soft                     bool
	Count                    int64
}

// whatIf returns what limits would have refused: those of a plan, or of all plans. The
// limit that would have refused most comes first.
func (c *counted) whatIf(planID string) (list []whatIf) {
	for _, l := range c.Limits {
		if l.WouldRefuse > 0 && (planID == "" || planID == l.Plan) {
			list = append(list, whatIf{l.Plan, l.Limit, l.Unit, l.Payer.String(), l.Soft, l.WouldRefuse})
		}
	}
	slices.SortStableFunc(list, func(a, b whatIf) int { return cmp.Compare(b.Count, a.Count) })
	return list
}

// A keyUse says when a key was last used.
type keyUse struct {
	Text, At          string
	Current, Retiring string // sentences about the two secrets in a rotation
	Rotating          bool
}

// newKeyUse returns a use for people.
func newKeyUse(u *gate.LastUse, now time.Time) keyUse {
	v := keyUse{Text: ago(u.At, now), At: when(u.At)}
	switch {
	case u.Unknown:
		v.Text = "unknown"
	case u.At.IsZero():
		v.Text = neverUsed
	}
	if r := u.Rotation; r != nil {
		v.Rotating, v.Current, v.Retiring = true, lastUsed(r.Current, now), lastUsed(r.Retiring, now)
	}
	return v
}

const neverUsed = "never used"

// lastUsed says how long ago a key or a secret was last used.
func lastUsed(at, now time.Time) string {
	if at.IsZero() {
		return neverUsed
	}
	return "last used " + ago(at, now)
}
