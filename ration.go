package ration

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Store keeps keys and plans, and counts. store/memory and store/redis have one.
type Store interface {
	apikey.Store
	usageplan.Store
	store.Counter
}

// Config configures a Ration. The zero Config is ready for use.
type Config struct {
	// Keys, Gate and Middleware configure the parts. The default of Gate.KeyFormat is that
	// of Keys, and the default of each Logger is Logger. If it is nil, nothing is logged.
	Keys       apikey.Config
	Gate       gate.Config
	Middleware middleware.Config
	Logger     *slog.Logger
	// Counter counts, where counters live elsewhere than keys. The default is the Store.
	Counter store.Counter
}

// Ration manages keys and plans and enforces them. Call New to make one. It is safe for
// concurrent use.
type Ration struct {
	// Keys creates, imports, rotates and disables keys. Plans manages plans and links. Gate
	// reports usage, and decides requests without HTTP. Middleware decides those of
	// net/http.
	Keys       *apikey.Service
	Plans      *usageplan.Service
	Gate       *gate.Gate
	Middleware *middleware.Middleware
}

// New returns a Ration over a Store. It reads and writes nothing there, so a server that
// is down is no error. An error reports the faults of all parts, and wraps the ErrInvalid
// of each part at fault.
func New(s Store, cfg Config) (*Ration, error) {
	if err := nilcheck.Required("ration: store", s, "a Store, such as memory.New(memory.Config{})"); err != nil {
		return nil, err // the parts would report it six times
	}
	cfg.Gate.Logger = cmp.Or(cfg.Gate.Logger, cfg.Logger)
	cfg.Gate.KeyFormat = cmp.Or(cfg.Gate.KeyFormat, cfg.Keys.KeyFormat)
	cfg.Middleware.Logger = cmp.Or(cfg.Middleware.Logger, cfg.Logger)
	cfg.Counter = cmp.Or(cfg.Counter, store.Counter(s))
	keys, err := apikey.NewService(s, cfg.Keys)
	plans, err2 := usageplan.NewService(s, s)
	g, err3 := gate.New(s, s, cfg.Counter, cfg.Gate)
	if !cfg.Gate.KeyFormat.Covers(cfg.Keys.KeyFormat) {
		err2 = errors.New("ration: gate.keyFormat: want one that lets in the keys of keys.keyFormat")
	}
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, err
	}
	mw, err := middleware.New(g, cfg.Middleware)
	if err != nil {
		g.Close()
		return nil, err
	}
	return &Ration{keys, plans, g, mw}, nil
}

// Handler passes on to next what the plans admit, and refuses the rest. If next is an
// http.ServeMux, plans can throttle its patterns: see middleware.Config.Mux.
func (r *Ration) Handler(next http.Handler) http.Handler { return r.Middleware.Handler(next) }

// Plan creates the plan with an ID, or changes it to what the texts say. It is
// usageplan.Parse and Plans.Put in one call:
//
//	plan, err := r.Plan(ctx, "free", "5/s burst 10", "1000/day", "20000/month")
//
// Caution: Plan replaces the whole plan. It has no parameter for routes and stages, and
// removes those that the plan has. Call Parse and Put for a plan that has some.
func (r *Ration) Plan(ctx context.Context, id, throttle string, quotas ...string) (usageplan.Plan, error) {
	p, err := usageplan.Parse(id, throttle, quotas...)
	if err != nil {
		return usageplan.Plan{}, err
	}
	return r.Plans.Put(ctx, p)
}

// Issue creates an enabled key and links it to a plan. It returns the secret, which is
// shown this once. If the key cannot be linked, Issue deletes it again.
//
// Each call creates another key. A program that calls Issue at each start over a store
// that lasts, such as Redis, gets one more key each time: call Keys.Import there.
func (r *Ration) Issue(ctx context.Context, planID, name string) (apikey.Key, apikey.Secret, error) {
	key, secret, err := r.Keys.Create(ctx, apikey.Key{Name: name, Enabled: true})
	if err != nil {
		return apikey.Key{}, "", err
	}
	if err := r.Plans.Link(ctx, planID, key.ID); err != nil {
		return apikey.Key{}, "", errors.Join(err, r.Keys.Delete(context.WithoutCancel(ctx), key.ID))
	}
	return key, secret, nil
}

// Close ends what New has begun. It leaves the Store open.
func (r *Ration) Close() { r.Gate.Close() }

// Must returns v, and panics if err is not nil. It is for the start of a program.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
