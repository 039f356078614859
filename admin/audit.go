package admin

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/ration-go/ration/usageplan"
)

// maxFindings is how many findings of a kind an audit keeps. The number of all is kept as
// well.
const maxFindings = 200

// audits has the last audit, and lets one run at a time.
type audits struct {
	running sync.Mutex

	mu   sync.Mutex
	last *auditReport
}

// An auditReport is what an audit has found.
type auditReport struct {
	At    time.Time
	Took  string
	By    string
	Keys  int // how many were looked at
	Kinds []finding
	Total int
	Note  string // about the service, or empty
}

// A finding is a kind of mistake, and what has it.
type finding struct {
	Title, Why string
	Items      []findingItem
	More       int // items that are not kept
}

type findingItem struct {
	Kind, ID string // "key", "plan" or "group"
	Text     string
}

// Count returns how many things have the mistake.
func (f finding) Count() int { return len(f.Items) + f.More }

// add adds an item.
func (f *finding) add(kind, id, text string) {
	if len(f.Items) == maxFindings {
		f.More++
		return
	}
	f.Items = append(f.Items, findingItem{kind, id, text})
}

func (f *finding) addAll(kind string, ids []string) {
	for _, id := range ids {
		f.add(kind, id, "")
	}
}

// showAudit shows the last audit. An audit reads everything, so it does not run whenever
// somebody looks.
func (h *Handler) showAudit(*http.Request) (*answer, error) {
	h.audits.mu.Lock()
	defer h.audits.mu.Unlock()
	return &answer{template: "audit", title: "Audit", data: h.audits.last}, nil
}

// runAudit audits everything, and shows the result. While an audit runs, others are
// refused, since each reads all keys.
func (h *Handler) runAudit(r *http.Request) (*answer, error) {
	if !h.audits.running.TryLock() {
		return nil, &problem{http.StatusConflict, "An audit is running already. Load the page of the audit in a moment."}
	}
	defer h.audits.running.Unlock()
	report, err := h.audit(r.Context())
	if err != nil {
		return nil, err
	}
	report.By = actorOf(r.Context())
	h.audits.mu.Lock()
	h.audits.last = report
	h.audits.mu.Unlock()
	return &answer{location: "/audit?done=audited"}, nil
}

// audit reads all keys, plans, groups and links, and what the keys have used.
func (h *Handler) audit(ctx context.Context) (*auditReport, error) {
	began := time.Now()
	found, err := h.plans.Audit(ctx)
	if err != nil {
		return nil, err
	}
	use, err := h.auditUse(ctx, began)
	if err != nil {
		return nil, err
	}
	report := &auditReport{At: began, Keys: use.keys, Note: prefixNote(h.keys.KeyFormat())}
	for _, f := range append(structureFindings(&found), use.findings()...) {
		if n := f.Count(); n > 0 {
			report.Kinds = append(report.Kinds, f)
			report.Total += n
		}
	}
	report.Took = time.Since(began).Round(time.Millisecond).String()
	return report, nil
}

// structureFindings returns the findings of usageplan.Service.Audit.
func structureFindings(a *usageplan.AuditReport) []finding {
	list := []finding{
		{Title: "Keys without a plan", Why: "They are enabled, and every request is refused. Link them to a plan, or disable them."},
		{Title: "Keys whose group is missing", Why: "Every request is refused. Create the group again with its ID and its parent."},
		{Title: "Keys with several plans for one stage", Why: "The plan with the oldest link counts. Unlink the others."},
		{Title: "Disabled keys with a plan", Why: "Nobody can use them. Enable them, or unlink them."},
		{Title: "Plans without keys", Why: "No key and no group has them."},
		{Title: "Links without a key or a plan", Why: "They have no effect, until somebody uses the ID again."},
		{Title: "Broken groups", Why: "The parent or the plan does not exist, or there are too many groups above."},
		{Title: "Empty groups", Why: "They have no key and no group below."},
		{Title: "Limits that break a rule", Why: "Their keys are refused, or the limits have no effect."},
		{Title: "Routes without effect", Why: "Plans name them, and the service does not have them. Correct the names."},
		{Title: "Routes that no request has had", Why: "Plans name them. Since this process began, no request for them has come. A wrong name has no effect."},
	}
	list[0].addAll("key", a.KeysWithoutPlan)
	list[1].addAll("key", a.KeysWithoutGroup)
	list[2].addAll("key", a.KeysWithManyPlans)
	list[3].addAll("key", a.DisabledKeys)
	list[4].addAll("plan", a.PlansWithoutKeys)
	for _, l := range a.DeadLinks {
		list[5].add("key", l.KeyID, "to the plan "+l.PlanID)
	}
	list[6].addAll("group", a.BrokenGroups)
	list[7].addAll("group", a.EmptyGroups)
	for _, r := range a.RoutesWithoutEffect {
		list[9].add("plan", r.PlanID, r.Route+": "+r.Fault)
	}
	for _, r := range a.UnseenRoutes {
		list[10].add("plan", r.PlanID, r.Route)
	}
	for _, i := range a.Invalid {
		switch {
		case i.GroupID != "":
			list[8].add("group", i.GroupID, i.Fault)
		case i.KeyID != "":
			list[8].add("key", i.KeyID, "link to the plan "+i.PlanID+": "+i.Fault)
		default:
			list[8].add("plan", i.PlanID, i.Fault)
		}
	}
	return list
}
