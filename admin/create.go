package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
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
	case errors.Is(err, apikey.ErrInvalid), errors.Is(err, errForm):
		f.Errors = strings.Split(err.Error(), "\n")
		return h.createForm(r.Context(), f)
	case err != nil:
		return nil, err
	}
	return &answer{template: "secret", title: "The key was created", data: shownSecret{Key: k, Secret: string(secret)}}, nil
}

// errForm is wrapped by the faults of a form.
var errForm = errors.New("the form has a fault")

// createLinked creates an enabled key and links it to its plan. A key that cannot be
// linked is removed, since its secret would be lost.
func (h *Handler) createLinked(ctx context.Context, f createForm) (apikey.Key, apikey.Secret, error) {
	expires, err := expiryOf(f.Expires, time.Now())
	if err != nil {
		return apikey.Key{}, "", errors.Join(errForm, err)
	}
	networks, err := parseNetworks(f.Networks)
	if err != nil {
		return apikey.Key{}, "", err
	}
	if f.ID == "" {
		return apikey.Key{}, "", errors.Join(errForm, errors.New("id: want that of the form"))
	}
	if f.Plan != "" {
		if _, err := h.plans.Get(ctx, f.Plan); errors.Is(err, usageplan.ErrNotFound) {
			return apikey.Key{}, "", errors.Join(errForm, errors.New("plan: there is no plan "+strconv.Quote(f.Plan)))
		} else if err != nil {
			return apikey.Key{}, "", err
		}
	}
	if f.Group != "" {
		if err := h.checkGroup(ctx, f.Group); err != nil {
			return apikey.Key{}, "", err
		}
	}
	k, secret, err := h.keys.Create(ctx, apikey.Key{
		ID: f.ID, Name: f.Name, Description: f.Description, CustomerID: f.Customer, GroupID: f.Group, Enabled: true, Expires: expires,
		Scopes: strings.Fields(f.Scopes), Networks: networks,
	})
	if err != nil || f.Plan == "" {
		return k, secret, err
	}
	if err := h.plans.Link(ctx, f.Plan, k.ID); err != nil {
		return apikey.Key{}, "", errors.Join(err, h.undoCreate(ctx, k.ID))
	}
	return k, secret, nil
}

// undoCreate deletes a key, also if the person has gone. Other actions wait meanwhile.
func (h *Handler) undoCreate(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTime)
	defer cancel()
	return h.keys.Delete(ctx, id)
}

// checkGroup returns a fault of the form if there is no such group.
func (h *Handler) checkGroup(ctx context.Context, id string) error {
	if h.groups == nil {
		return errors.Join(errForm, errors.New("group: this store keeps no groups"))
	}
	err := h.groups.Check(ctx, id)
	if errors.Is(err, usageplan.ErrNotFound) || errors.Is(err, usageplan.ErrInvalid) {
		return errors.Join(errForm, errors.New("group: there is no group "+strconv.Quote(id)))
	}
	return err
}

// expiryOf reads the day after which a key expires: the end of the day in UTC.
func expiryOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, errors.New("expires: want a day such as 2026-12-31")
	}
	if end := day.AddDate(0, 0, 1); end.After(now) {
		return end, nil
	}
	return time.Time{}, errors.New("expires: want a day that is not over")
}
