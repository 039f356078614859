package admin

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// pageSize is the number of keys, links or groups on a page.
const pageSize = 25

// rowPlans is how many plans of a key a listing shows.
const rowPlans = 5

// A keyRow is a key in a listing.
type keyRow struct {
	Key     apikey.Key
	States  []state
	Plans   []usageplan.Plan
	Other   int   // further plans
	Quotas  []bar // the fullest two
	More    int   // further quotas
	Chart   *chart
	Use     keyUse
	Refused string // empty if nothing counts it
}

// A state is a word about a key, with the class of its colour.
type state struct{ Text, Class string }

// A keyList is a page of keys.
type keyList struct {
	Query    string // what was searched for
	Secret   bool   // a secret was pasted into the search
	Searched int    // how many keys the search has looked at; 0 without a search
	Rows     []keyRow
	Next     string // the query of the next page, or empty
	First    bool   // the first page
	Counts   bool   // refusals are counted
}

// listKeys shows a page of all keys, or of those that a search finds.
func (h *Handler) listKeys(r *http.Request) (*answer, error) {
	q := r.URL.Query()
	list := keyList{Query: strings.TrimSpace(q.Get("q")), First: q.Get("cursor") == "" && q.Get("skip") == "", Counts: h.cfg.Counts != nil}
	if hasSecret(list.Query, h.keys.KeyFormat()) {
		list.Query, list.Secret = "", true
		return &answer{template: "keys", title: "Keys", data: list}, nil
	}
	var (
		keys []apikey.Key
		err  error
	)
	if list.Query == "" {
		var next string
		keys, next, err = h.keys.List(r.Context(), apikey.Filter{}, q.Get("cursor"), pageSize)
		list.Next = nextQuery(next, "")
	} else {
		keys, err = h.search(r.Context(), &list, q)
	}
	if err != nil {
		return nil, err
	}
	list.Rows, err = h.rows(r.Context(), keys)
	return &answer{template: "keys", title: "Keys", data: list}, err
}

// rows returns the rows of keys, in their order.
func (h *Handler) rows(ctx context.Context, keys []apikey.Key) ([]keyRow, error) {
	ids := make([]string, len(keys))
	for i := range keys {
		ids[i] = keys[i].ID
	}
	return h.rowsOf(ctx, ids)
}

// rowsOf returns the rows of the keys with some IDs, in their order. It takes few calls
// of the stores, whatever the number of keys.
func (h *Handler) rowsOf(ctx context.Context, ids []string) ([]keyRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	reports, err := h.gate.KeyReports(ctx, ids, gate.Span{Days: chartDays, Windows: 1, LastUse: true})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	counts := h.counted()
	rows := make([]keyRow, len(reports))
	for i := range reports {
		r := &reports[i]
		bars := newBars(&r.Report)
		rows[i] = keyRow{
			Key: r.Key, States: statesOf(r, now), Quotas: fullest(bars, 2),
			More: max(0, len(bars)-2), Chart: newChart(r.Days, "", true), Use: newKeyUse(&r.LastUse, now),
			Refused: counts.key(r.Key.ID),
		}
		rows[i].Plans, rows[i].Other = atMost(linkedPlans(&r.Access), rowPlans)
	}
	return rows, nil
}

// linkedPlans returns the plans of a key's links that exist.
func linkedPlans(a *usageplan.Access) (plans []usageplan.Plan) {
	for _, l := range a.Links {
		if p := a.Plan(l.PlanID); p != nil {
			plans = append(plans, *p)
		}
	}
	return plans
}

// statesOf returns what an operator should see of a key at a glance.
func statesOf(r *gate.KeyReport, now time.Time) (states []state) {
	k := &r.Key
	switch {
	case !k.Enabled:
		states = append(states, state{"Disabled", "off"})
	case k.Usable(now) != nil:
		states = append(states, state{"Expired", "off"})
	case r.Err != nil:
		states = append(states, state{"Group missing", "bad"})
	case !isAdmitted(&r.Access, r.Links):
		states = append(states, state{"No plan", "bad"})
	case !k.HasSecret():
		states = append(states, state{"No secret", "bad"})
	default:
		states = append(states, state{"Enabled", "good"})
	}
	if k.RetiringUntil.After(now) {
		states = append(states, state{"Rotating", "note"})
	}
	return states
}

// isAdmitted reports whether any stage admits a key that has some of its links. A
// detached plan admits nothing. That of a group keeps the key out, whatever plans the key
// has.
func isAdmitted(a *usageplan.Access, links []usageplan.Link) bool {
	admitted := slices.ContainsFunc(links, func(l usageplan.Link) bool {
		p := a.Plan(l.PlanID)
		return p != nil && !p.Detached
	})
	for i := range a.Groups {
		if p := a.Plan(a.Groups[i].PlanID); p != nil {
			if p.Detached {
				return false
			}
			admitted = true
		}
	}
	return admitted
}

// nameOf returns the name of a thing, or its ID if it has none.
func nameOf(name, id string) string { return cmp.Or(name, id) }
