package admin

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// An extension asks what is to remain of a quota.
type extension struct {
	Of, Action, Back string
	Bar              bar
	Remaining        string
	Error            string
}

// askExtend asks what is to remain of a quota of a key.
func (h *Handler) askExtend(r *http.Request) (*answer, error) {
	q := r.URL.Query()
	e, err := h.extensionOf(r, q.Get("plan"), q.Get("quota"))
	return e.page(""), err
}

// extensionOf returns the form for a quota of the key in the path.
func (h *Handler) extensionOf(r *http.Request, planID, name string) (e extension, err error) {
	report, err := h.keyReport(r.Context(), r.PathValue("key"), gate.Span{Days: 1, Windows: 1})
	if err != nil {
		return e, err
	}
	k := &report.Key
	e = extension{Of: nameOf(k.Name, k.ID), Action: "/keys/" + k.ID + "/extend", Back: "/keys/" + k.ID}
	return e, e.find(newBars(&report.Report), planID, name)
}

// find sets the quota, or returns an error if it is none of bars.
func (e *extension) find(bars []bar, planID, name string) error {
	for _, b := range bars {
		if b.PlanID == planID && b.Name == name {
			e.Bar, e.Remaining = b, strconv.FormatInt(b.Left, 10)
			return nil
		}
	}
	return &problem{http.StatusNotFound, "There is no such quota."}
}

// page returns the form, with the fault of what was sent if there is one.
func (e *extension) page(fault string) *answer {
	e.Error = fault
	a := &answer{template: "extend", title: "Change what is left", data: *e}
	if fault != "" {
		a.status = http.StatusUnprocessableEntity
	}
	return a
}

// checkWindow returns an error if the form was loaded in an earlier window, or if that
// window has ended while the quota was read. What was left of that one must not become
// all that is left of this one.
func (e *extension) checkWindow(r *http.Request) error {
	if r.PostForm.Get("window") == e.Bar.Window && time.Now().Before(e.Bar.end) {
		return nil
	}
	return &problem{http.StatusConflict, "The window has ended since the form was loaded, and nothing was changed. Load the form again."}
}

// extend sets what is left of a quota of a key. It waits for other actions before it
// reads the quota, so that the window cannot end meanwhile.
func (h *Handler) extend(r *http.Request) (*answer, error) {
	h.once.Lock()
	defer h.once.Unlock()
	id, planID, name := r.PathValue("key"), r.PostForm.Get("plan"), r.PostForm.Get("quota")
	e, err := h.extensionOf(r, planID, name)
	if err != nil {
		return nil, err
	}
	n, fault := parseUnits(r.PostForm.Get("remaining"))
	if fault != "" {
		return e.page(fault), nil
	}
	if err := e.checkWindow(r); err != nil {
		return nil, err
	}
	if err := h.gate.SetRemaining(r.Context(), planID, id, name, n); err != nil {
		return nil, err
	}
	return &answer{location: "/keys/" + id + "?done=extended"}, nil
}

// parseUnits reads how many units are to remain. Commas and spaces between digits are
// allowed.
func parseUnits(text string) (n int64, fault string) {
	n, err := strconv.ParseInt(strings.NewReplacer(",", "", " ", "", "_", "").Replace(text), 10, 64)
	if err != nil || n < 0 || n > 1<<53-2 {
		return 0, "Want a whole number from 0 to " + number(int64(1<<53-2)) + "."
	}
	return n, ""
}

// askExtendGroup asks what is to remain of a quota of a group.
func (h *Handler) askExtendGroup(r *http.Request) (*answer, error) {
	q := r.URL.Query()
	e, err := h.groupExtensionOf(r, q.Get("plan"), q.Get("quota"))
	return e.page(""), err
}

// groupExtensionOf returns the form for a quota of the group in the path. The group may
// have got another plan since the form was loaded. Then the quota is another one, too,
// although it has the same name.
func (h *Handler) groupExtensionOf(r *http.Request, planID, name string) (e extension, err error) {
	reports, err := h.gate.GroupReports(r.Context(), []string{r.PathValue("group")}, gate.Span{Days: 1, Windows: 1})
	if err != nil {
		return e, err
	}
	if len(reports) == 0 || reports[0].Plan == nil {
		return e, usageplan.ErrNotFound
	}
	g := &reports[0].Lineage[0]
	e = extension{Of: nameOf(g.Name, g.ID), Action: "/groups/" + g.ID + "/extend", Back: "/groups/" + g.ID}
	return e, e.find(newBars(&reports[0].Report), planID, name)
}

// extendGroup sets what is left of a quota of a group, as extend does.
func (h *Handler) extendGroup(r *http.Request) (*answer, error) {
	h.once.Lock()
	defer h.once.Unlock()
	id, planID, name := r.PathValue("group"), r.PostForm.Get("plan"), r.PostForm.Get("quota")
	e, err := h.groupExtensionOf(r, planID, name)
	if err != nil {
		return nil, err
	}
	n, fault := parseUnits(r.PostForm.Get("remaining"))
	if fault != "" {
		return e.page(fault), nil
	}
	if err := e.checkWindow(r); err != nil {
		return nil, err
	}
	if err := h.gate.SetGroupRemaining(r.Context(), id, name, n); err != nil {
		return nil, err
	}
	return &answer{location: "/groups/" + id + "?done=extended"}, nil
}
