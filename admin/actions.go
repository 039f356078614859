package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// actions lets one action run at a time. It is not what keeps a form that is sent twice
// from being carried out twice, since the second may come to another process. A form that
// creates a key has the ID, one that rotates has the version, and all others either name
// what was there before or set a value that does not depend on it.
type actions struct{ sync.Mutex }

// notices are what a page says after an action. The query "done" names one.
var notices = map[string]string{
	"disabled": "The key is disabled. Its requests are refused.",
	"enabled":  "The key is enabled.",
	"linked":   "The key is linked to the plan.",
	"moved":    "The key has the other plan now.",
	"unlinked": "The key is no longer linked to the plan.",
	"extended": "The quota was changed for the current window.",
	"audited":  "The audit is done.",

	"restricted": "The scopes and networks of the key were set.",
}

// A confirmation asks whether to do what cannot be taken back, or what breaks something.
type confirmation struct {
	Key     apikey.Key
	Text    string   // what happens
	Effects []string // what breaks
	Action  string   // a path below the prefix
	Button  string
	Fields  map[string]string
}

// askDisable asks whether to disable a key.
func (h *Handler) askDisable(r *http.Request) (*answer, error) {
	k, err := h.keys.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	return &answer{template: "confirm", title: "Disable a key", data: confirmation{
		Key: k, Text: "Disable this key?", Action: "/keys/" + k.ID + "/disable", Button: "Disable the key",
		Effects: []string{"Every request with this key is refused, within seconds on all servers.", "Its plan, its counts and its secret stay. You can enable it again."},
	}}, nil
}

func (h *Handler) disable(r *http.Request) (*answer, error) {
	return h.change(r, "disabled", func(ctx context.Context, id string) error { _, err := h.keys.Disable(ctx, id); return err })
}

func (h *Handler) enable(r *http.Request) (*answer, error) {
	return h.change(r, "enabled", func(ctx context.Context, id string) error { _, err := h.keys.Enable(ctx, id); return err })
}

// change changes a key, and goes back to its page with a notice.
func (h *Handler) change(r *http.Request, notice string, do func(ctx context.Context, id string) error) (*answer, error) {
	h.once.Lock()
	defer h.once.Unlock()
	id := r.PathValue("key")
	if err := do(r.Context(), id); err != nil {
		return nil, err
	}
	return &answer{location: "/keys/" + id + "?done=" + notice}, nil
}

// A linkForm asks for the plan of a new link.
type linkForm struct {
	Key   apikey.Key
	Plans []usageplan.Plan
	More  bool // there are more plans than the list has
	Error string
}

// maxChoices is how many plans or groups a form offers. More can be typed.
const maxChoices = 500

// askLink asks for the plan that a key is to be linked to.
func (h *Handler) askLink(r *http.Request) (*answer, error) { return h.linkForm(r, "") }

func (h *Handler) linkForm(r *http.Request, fault string) (*answer, error) {
	k, err := h.keys.Get(r.Context(), r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	f := linkForm{Key: k, Error: fault}
	var next string
	if f.Plans, next, err = h.plans.List(r.Context(), "", maxChoices); err != nil {
		return nil, err
	}
	f.More = next != ""
	a := &answer{template: "link", title: "Link a key to a plan", data: f}
	if fault != "" {
		a.status = http.StatusUnprocessableEntity
	}
	return a, nil
}

func (h *Handler) link(r *http.Request) (*answer, error) {
	planID := strings.TrimSpace(r.PostForm.Get("plan"))
	a, err := h.change(r, "linked", func(ctx context.Context, id string) error { return h.plans.Link(ctx, planID, id) })
	switch {
	case errors.Is(err, usageplan.ErrExists):
		return h.linkForm(r, "The key is linked to this plan already.")
	case errors.Is(err, usageplan.ErrClash):
		return h.linkForm(r, "The key has a plan for the same stage already. Unlink that one first.")
	case errors.Is(err, usageplan.ErrNotFound), errors.Is(err, usageplan.ErrInvalid):
		return h.linkForm(r, "There is no such plan.")
	}
	return a, err
}

// askUnlink asks whether to remove a link.
func (h *Handler) askUnlink(r *http.Request) (*answer, error) {
	report, err := h.keyReport(r.Context(), r.PathValue("key"), gate.Span{Days: 1, Windows: 1})
	if err != nil {
		return nil, err
	}
	planID := r.URL.Query().Get("plan")
	effects := []string{"The limits of this plan no longer count for the key.", "What was used is kept. It counts again if the key is linked again."}
	others := slices.DeleteFunc(slices.Clone(report.Links), func(l usageplan.Link) bool { return l.PlanID == planID })
	if len(others) == len(report.Links) {
		return nil, errNoLink(planID)
	}
	if !isAdmitted(&report.Access, others) {
		effects = append(effects, "The key has no other plan that admits it, so every request with it is refused.")
	}
	k := report.Key
	return &answer{template: "confirm", title: "Unlink a key", data: confirmation{
		Key: k, Text: "Unlink this key from the plan " + planID + "?", Action: "/keys/" + k.ID + "/unlink", Button: "Unlink the key",
		Effects: effects, Fields: map[string]string{"plan": planID},
	}}, nil
}

// errNoLink is the answer about a plan that the key does not have.
func errNoLink(planID string) error {
	text := fmt.Sprintf("The key does not have the plan %.64q, and nothing was changed. Load the page of the key again.", planID)
	return &problem{http.StatusConflict, text}
}

func (h *Handler) unlink(r *http.Request) (*answer, error) {
	return h.change(r, "unlinked", func(ctx context.Context, id string) error { return h.plans.Unlink(ctx, r.PostForm.Get("plan"), id) })
}
