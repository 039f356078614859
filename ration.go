package ration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	// Keys configures the keys that are made. Gate and Middleware configure the parts that
	// enforce. If Gate.KeyFormat is zero, it is that of Keys.
	Keys       apikey.Config
	Gate       gate.Config
	Middleware middleware.Config

	// Counter counts in place of the Store, for a service whose counters live elsewhere than
	// its keys and plans. The default is the Store.
	Counter store.Counter

	// Logger is told of failures and warned of mistakes in the set-up, by each part that has
	// no Logger of its own. If nil, nothing is logged.
	Logger *slog.Logger
}

// Ration manages keys and plans and enforces them. Make one with New. It is safe for
// concurrent use; its fields are not to be set.
type Ration struct {
	Keys       *apikey.Service
	Plans      *usageplan.Service
	Gate       *gate.Gate
	Middleware *middleware.Middleware
}

// New returns a Ration over a Store. The error reports every fault at once; it wraps the
// ErrInvalid of the package whose Config has it. Close ends what New has begun.
func New(s Store, cfg Config) (*Ration, error) {
	if err := nilcheck.Required("store", s, "a ration.Store"); err != nil {
		return nil, fmt.Errorf("ration: %w", err)
	}
	cfg.Gate.Logger = cmp.Or(cfg.Gate.Logger, cfg.Logger)
	cfg.Gate.KeyFormat = cmp.Or(cfg.Gate.KeyFormat, cfg.Keys.KeyFormat)
	cfg.Middleware.Logger = cmp.Or(cfg.Middleware.Logger, cfg.Logger)
	if cfg.Counter == nil {
		cfg.Counter = s
	}
	keys, errKeys := apikey.NewService(s, cfg.Keys)
	plans, errPlans := usageplan.NewService(s, s)
	if !cfg.Gate.KeyFormat.Covers(cfg.Keys.KeyFormat) {
		errKeys = errors.Join(errKeys, errors.New("ration: gate.keyFormat: want one that lets in the keys of keys.keyFormat"))
	}
	g, err := gate.New(s, s, cfg.Counter, cfg.Gate)
	if err != nil {
		return nil, errors.Join(errKeys, errPlans, err)
	}
	mw, err := middleware.New(g, cfg.Middleware)
	if err := errors.Join(errKeys, errPlans, err); err != nil {
		g.Close()
		return nil, err
	}
	return &Ration{Keys: keys, Plans: plans, Gate: g, Middleware: mw}, nil
}

// Handler passes on to next what the plans admit, and refuses the rest.
func (r *Ration) Handler(next http.Handler) http.Handler { return r.Middleware.Handler(next) }

// Issue makes an enabled key under a plan, and returns it with its secret, which is shown
// this once. If the plan cannot be linked, the key is deleted again.
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

// Close ends the Gate's subscriptions. It leaves the Store open.
func (r *Ration) Close() { r.Gate.Close() }
