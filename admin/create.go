package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// A createForm asks for a new key. It has the ID of the key, so that a form that is sent
// twice creates one key.
type createForm struct {
	ID, Name, Description, Customer, Group, Plan, Expires string
	Scopes, Networks                                      string // one a line

	Plans      []usageplan.Plan
	Groups     []usageplan.Group
	MorePlans  bool // there are more than the list has, so an ID is typed
	MoreGroups bool
	Errors     []string
}

// askCreate asks for a new key.
func (h *Handler) askCreate(r *http.Request) (*answer, error) {
	q := r.URL.Query()
	return h.createForm(r.Context(), createForm{ID: strings.ToLower(rand.Text())[:16], Plan: q.Get("plan"), Group: q.Get("group")})
}

func (h *Handler) createForm(ctx context.Context, f createForm) (a *answer, err error) {
	var next string
	if f.Plans, next, err = h.plans.List(ctx, "", maxChoices); err != nil {
		return nil, err
	}
	f.MorePlans = next != ""
	if h.groups != nil {
		if f.Groups, next, err = h.groups.List(ctx, usageplan.GroupFilter{}, "", maxChoices); err != nil {
			return nil, err
		}
		f.MoreGroups = next != ""
	}
	a = &answer{template: "create", title: "Create a key", data: f}
	if len(f.Errors) > 0 {
		a.status = http.StatusUnprocessableEntity
	}
	return a, nil
}

// A shownSecret is the answer that shows a secret, once.
type shownSecret struct {
	Key     apikey.Key
	Secret  string
	Rotated bool
	Until   string // when the previous secret ends; empty if it has ended
}

// create creates a key, and shows its secret in the answer. There is no redirect, so no
// second request could show the secret again.
func (h *Handler) create(r *http.Request) (*answer, error) {
	h.once.Lock()
	defer h.once.Unlock()
	get := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	f := createForm{
		ID: get("id"), Name: get("name"), Description: get("description"), Customer: get("customer"), Group: get("group"),
		Plan: get("plan"), Expires: get("expires"), Scopes: get("scopes"), Networks: get("networks"),
	}
	k, secret, err := h.createLinked(r.Context(), f)
	switch {
	case errors.Is(err, apikey.ErrExists):
		return nil, &problem{http.StatusConflict, "This form was sent already, and its key exists. A secret is shown only once: if you have not kept it, rotate the key " + f.ID + "."}
	case isFault(err):
		f.Errors = strings.Split(err.Error(), "\n")
		return h.createForm(r.Context(), f)
	case err != nil:
		return nil, err
	}
	return &answer{template: "secret", title: "The key was created", data: shownSecret{Key: k, Secret: string(secret)}}, nil
}

// createLinked creates an enabled key and links it to its plan. A key that cannot be
// linked is removed, since its secret would be lost.
func (h *Handler) createLinked(ctx context.Context, f createForm) (apikey.Key, apikey.Secret, error) {
	k, err := keyOf(&f, time.Now())
	if err = joinFaults(err, h.checkPlan(ctx, f.Plan), h.checkGroup(ctx, f.Group)); err != nil {
		return apikey.Key{}, "", err
	}
	k, secret, err := h.keys.Create(ctx, k)
	if err != nil || f.Plan == "" {
		return k, secret, err
	}
	if err := h.plans.Link(ctx, f.Plan, k.ID); err != nil {
		return apikey.Key{}, "", errors.Join(err, h.undoCreate(ctx, k.ID))
	}
	return k, secret, nil
}

// keyOf returns the key that a form asks for, or every fault of its fields.
func keyOf(f *createForm, now time.Time) (apikey.Key, error) {
	expires, badExpiry := expiryOf(f.Expires, now)
	networks, badNetworks := parseNetworks(f.Networks)
	k := apikey.Key{
		ID: f.ID, Name: f.Name, Description: f.Description, CustomerID: f.Customer, GroupID: f.Group, Enabled: true, Expires: expires,
		Scopes: strings.Fields(f.Scopes), Networks: networks,
	}
	return k, joinFaults(k.Validate(), badExpiry, badNetworks)
}

// undoCreate deletes a key, also if the person has gone. Other actions wait meanwhile.
func (h *Handler) undoCreate(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTime)
	defer cancel()
	return h.keys.Delete(ctx, id)
}

// checkPlan returns a fault of the form if there is no such plan.
func (h *Handler) checkPlan(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	_, err := h.plans.Get(ctx, id)
	if errors.Is(err, usageplan.ErrNotFound) || errors.Is(err, usageplan.ErrInvalid) {
		return formFault(fmt.Sprintf("plan: there is no plan %.64q", id))
	}
	return err
}

// checkGroup returns a fault of the form if there is no such group.
func (h *Handler) checkGroup(ctx context.Context, id string) error {
	switch {
	case id == "":
		return nil
	case h.groups == nil:
		return formFault("group: this store keeps no groups")
	}
	err := h.groups.Check(ctx, id)
	if errors.Is(err, usageplan.ErrNotFound) || errors.Is(err, usageplan.ErrInvalid) {
		return formFault(fmt.Sprintf("group: there is no group %.64q", id))
	}
	return err
}

// lastDay is the last day on which a key can expire at its end.
var lastDay = time.Date(9999, time.December, 30, 0, 0, 0, 0, time.UTC)

// expiryOf reads the day after which a key expires: the end of the day in UTC.
func expiryOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	switch end := day.AddDate(0, 0, 1); {
	case err != nil:
		return time.Time{}, formFault("expires: want a day such as 2026-12-31")
	case day.After(lastDay):
		return time.Time{}, formFault("expires: want a day before 9999-12-31, or none for a key that never expires")
	case !end.After(now):
		return time.Time{}, formFault("expires: want a day that is not over")
	default:
		return end, nil
	}
}
