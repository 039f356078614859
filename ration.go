package ration

import (
	"context"
	"errors"
	"net/http"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Store keeps keys, plans and groups, and counts. store/memory, store/redis and the
// databases of store/sql have one.
type Store interface {
	apikey.Store
	usageplan.Store
	usageplan.GroupStore
	store.Counter
}

// Ration manages keys, plans and groups, and enforces them. Call New to make one. It is
// safe for concurrent use. Gate also reports usage, and decides requests without HTTP.
type Ration struct {
	Keys       *apikey.Service
	Plans      *usageplan.Service
	Groups     *usageplan.Groups
	Gate       *gate.Gate
	Middleware *middleware.Middleware
}

// New returns a Ration over a Store. It does not use the Store yet, so a server that is
// down is no error. An error has the faults of all parts, and wraps their ErrInvalid.
func New(s Store, cfg Config) (*Ration, error) {
	if err := cfg.findNil(s); err != nil {
		return nil, err
	}

	cfgErr := cfg.complete(s)
	g, gateErr := gate.New(s, s, cfg.Counter, cfg.Gate)
	if gateErr == nil {
		cfg.Counter = g.Counter() // a moved key leaves no lease behind
	}
	groups, groupsErr := usageplan.NewGroups(s, s, cfg.Counter, usageplan.Config{Units: cfg.Units, History: cfg.History})
	if cfg.Keys.CheckGroup == nil {
		cfg.Keys.CheckGroup = groups.Check
	}
	keys, keysErr := apikey.NewService(s, cfg.Keys)
	r := &Ration{Keys: keys, Groups: groups, Gate: g}
	plans, plansErr := usageplan.NewService(s, s, usageplan.Config{
		Units: cfg.Units, Classes: cfg.Classes, History: cfg.History, CheckRoute: r.checkRoute,
	})
	if err := errors.Join(cfgErr, keysErr, plansErr, groupsErr, gateErr); err != nil {
		if gateErr == nil {
			err = errors.Join(err, g.Close())
		}
		return nil, err
	}
	if cfg.RevokeInsecure {
		cfg.Middleware.Insecure.Refuse, cfg.Middleware.Insecure.Revoke = true, keys.Revoke
	}
	mw, err := middleware.New(g, cfg.Middleware)
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	r.Plans, r.Middleware = plans, mw
	return r, nil
}

// checkRoute is the CheckRoute of Plans, which exist before the Middleware.
func (r *Ration) checkRoute(stage usageplan.Stage, route string) (fault string, seen bool) {
	return r.Middleware.CheckRoute(stage, route)
}

// Handler passes on to next, such as an http.ServeMux, what the plans admit.
func (r *Ration) Handler(next http.Handler) http.Handler { return r.Middleware.Handler(next) }

// Plan puts a plan of texts, such as "5/s burst 10" and "1000/day". The plan has no
// Throttles, For, Routes or Stages.
func (r *Ration) Plan(ctx context.Context, id, throttle string, quotas ...string) (usageplan.Plan, error) {
	p, err := usageplan.Parse(id, throttle, quotas...)
	if err != nil {
		return p, err
	}
	return r.Plans.Put(ctx, p)
}

// Issue creates an enabled key under a plan, a new one at each call. The secret is shown
// this once. For a known key at each start over a store that lasts, call Keys.Import.
func (r *Ration) Issue(ctx context.Context, planID, name string) (key apikey.Key, secret apikey.Secret, err error) {
	if key, secret, err = r.Keys.Create(ctx, apikey.Key{Name: name, Enabled: true}); err != nil {
		return apikey.Key{}, "", err
	}
	if err := r.Plans.Link(ctx, planID, key.ID); err != nil {
		return apikey.Key{}, "", errors.Join(err, r.Keys.Delete(context.WithoutCancel(ctx), key.ID))
	}
	return key, secret, nil
}

// Close ends what New has begun, and gives back leases: see gate.Gate.Close. So call it
// after the last request. It leaves the Store open.
func (r *Ration) Close() error { return r.Gate.Close() }

// Must returns v, and panics if err is not nil. It is for the start of a program.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
