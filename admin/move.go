package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// A moveForm asks for the plan that a key gets instead of another one.
type moveForm struct {
	Key   apikey.Key
	From  usageplan.Link
	Plan  *usageplan.Plan // of From; nil if it is missing
	Plans []usageplan.Plan
	More  bool     // there are more plans than the list has
	Own   []string // limits of the link, which the move drops
	Error string
}

// askMove asks for the plan of a move.
func (h *Handler) askMove(r *http.Request) (*answer, error) {
	return h.moveForm(r, r.URL.Query().Get("plan"), "")
}

func (h *Handler) moveForm(r *http.Request, from, fault string) (*answer, error) {
	ctx := r.Context()
	k, err := h.keys.Get(ctx, r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	links, err := h.plans.KeyLinks(ctx, k.ID)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if l.PlanID == from {
			return h.moveFrom(ctx, moveForm{Key: k, From: l, Error: fault, Own: ownLimits(l.Throttle, l.Throttles, l.Quotas)}, links)
		}
	}
	return nil, errNoLink(from)
}

// moveFrom returns the form, with all plans that the key does not have.
func (h *Handler) moveFrom(ctx context.Context, f moveForm, links []usageplan.Link) (*answer, error) {
	plans, next, err := h.plans.List(ctx, "", maxChoices)
	if err != nil {
		return nil, err
	}
	has := map[string]bool{}
	for _, l := range links {
		has[l.PlanID] = true
	}
	for _, p := range plans {
		if !has[p.ID] {
			f.Plans = append(f.Plans, p)
		}
	}
	f.More = next != ""
	p, err := h.plans.Get(ctx, f.From.PlanID)
	switch {
	case err == nil:
		f.Plan = &p
	case !errors.Is(err, usageplan.ErrNotFound):
		return nil, err
	}
	a := &answer{template: "move", title: "Change the plan of a key", data: f}
	if f.Error != "" {
		a.status = http.StatusUnprocessableEntity
	}
	return a, nil
}

// move gives a key another plan instead of one that it has.
func (h *Handler) move(r *http.Request) (*answer, error) {
	from, to := r.PostForm.Get("plan"), strings.TrimSpace(r.PostForm.Get("to"))
	a, err := h.change(r, "moved", func(ctx context.Context, id string) error { return h.plans.Move(ctx, id, from, to) })
	switch {
	case errors.Is(err, usageplan.ErrExists):
		return h.moveForm(r, from, "The key is linked to this plan already.")
	case errors.Is(err, usageplan.ErrClash):
		return h.moveForm(r, from, "The key has a plan for the same stage already. Unlink that one first.")
	case errors.Is(err, usageplan.ErrNotFound), errors.Is(err, usageplan.ErrInvalid):
		return h.moveForm(r, from, "There is no such plan.")
	}
	return a, err
}
