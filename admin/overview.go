package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// overviewRows is how many rows each table of the overview has.
const overviewRows = 8

// An overview is the first page.
type overview struct {
	Facts      []fact
	Since      string // of the counts; empty if nothing counts
	Counts     []planCount
	WhatIf     []whatIf
	Refused    []refusedKey
	Plans      []planRow
	MorePlans  bool
	Groups     []groupRow
	MoreGroups bool
	Changes    []change
	Fails      bool // a store fails, so what it has is left out
}

// A fact is a number, what it counts, and a line that explains it.
type fact struct{ Label, Value, More, Class string }

// A refusedKey is a key that was refused often.
type refusedKey struct{ ID, Name, Text, Last string }

// overviewTime bounds the reads of the overview. People look at it while a store fails.
const overviewTime = 3 * time.Second

// overview shows how the Gate does, what was refused, the newest plans and groups, and
// the last changes. While the stores fail, it shows what this process has in memory.
func (h *Handler) overview(r *http.Request) (*answer, error) {
	now, c := time.Now(), h.counted()
	o := overview{
		Facts: facts(h.gate.Stats(), c, now), Counts: top(c.plans()), WhatIf: top(c.whatIf("")), Refused: refusedKeys(c, now),
	}
	if c.on {
		o.Since = when(c.Since)
	}
	a := &answer{template: "overview", title: "Overview"}
	ctx, cancel := context.WithTimeout(r.Context(), overviewTime)
	defer cancel()
	if err := h.readOverview(ctx, &o); err != nil {
		h.fail(r, err)
		a.status, o.Fails = http.StatusServiceUnavailable, true
	}
	a.data = o
	return a, nil
}

// readOverview reads what the stores have.
func (h *Handler) readOverview(ctx context.Context, o *overview) error {
	plans, next, err := h.plans.List(ctx, "", overviewRows)
	if err != nil {
		return err
	}
	o.Plans, o.MorePlans = h.planRows(plans), next != ""
	if h.groups != nil {
		if o.Groups, next, err = h.groupRows(ctx, usageplan.GroupFilter{}, "", overviewRows); err != nil {
			return err
		}
		o.MoreGroups = next != ""
	}
	o.Changes, _, err = h.changes(ctx, "", "", overviewRows)
	return err
}

// top returns the first rows of a list.
func top[T any](list []T) []T { return list[:min(len(list), overviewRows)] }

// refusedKeys returns the keys that were refused last. It leaves out those that only soft
// limits would have refused.
func refusedKeys(c *counted, now time.Time) (list []refusedKey) {
	for i := range c.Keys {
		if k := &c.Keys[i]; k.Refused > 0 && len(list) < overviewRows {
			list = append(list, refusedKey{k.ID, nameOf(k.Name, k.ID), c.key(k.ID), ago(k.Last, now)})
		}
	}
	return list
}

// facts returns what the Gate and the counts tell at a glance.
func facts(s gate.Stats, c *counted, now time.Time) (list []fact) {
	if c.on {
		var admitted, refused int64
		for _, p := range c.plans() {
			admitted, refused = admitted+p.Admitted, refused+p.Refused
		}
		list = append(list,
			fact{"Admitted", number(admitted), "since " + when(c.Since), ""},
			fact{"Refused", number(refused), share(refused, refused+admitted) + " of all requests", ""})
	}
	list = append(list, fact{"Keys in the cache", number(s.CachedKeys), many(s.Lookups, "look-up") + " in flight", ""},
		outageFact("Store of keys", s.KeyOutage, now), outageFact("Counters", s.CounterOutage, now))
	for _, l := range s.Listeners {
		f := fact{"Changes of " + l.Store, "heard", "since " + when(l.Since), "good"}
		if l.Since.IsZero() {
			f.Value, f.More, f.Class = "not heard", "a change takes effect when a key is read again", "bad"
		}
		list = append(list, f)
	}
	return append(list, mistakes(s.Mistakes)...)
}

// mistakes says which mistakes in the set-up were found. It says nothing without any.
func mistakes(all []gate.MistakeCount) (list []fact) {
	for _, m := range all {
		if m.Count > 0 {
			kind := strings.ReplaceAll(m.Mistake.String(), "_", " ")
			list = append(list, fact{"Mistake in the set-up", kind, "found " + many(int(m.Count), "time") + ": the log has the details", "bad"})
		}
	}
	return list
}

// outageFact says whether a store answers.
func outageFact(label string, o gate.Outage, now time.Time) fact {
	if !o.Failing {
		return fact{label, "ok", many(int(o.Outages), "outage") + " since the start", "good"}
	}
	return fact{label, "failing", "for " + in(now.Sub(o.Since)) + ", " + many(int(o.Decisions), "decision") + " affected", "bad"}
}
