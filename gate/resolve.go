package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// errUnknown means that there is no such key.
var errUnknown = errors.New("gate: unknown key")

// ErrBusy is wrapped when as many look-ups of keys are under way as Config.MaxReads
// allows.
var ErrBusy = errors.New("gate: too many look-ups of keys at once")

// resolver finds keys and plans in their stores, remembers them for MaxAge, and forgets
// them when a store says that they have changed. Secrets that are refused are remembered
// apart from keys that may be used, and never push one out.
type resolver struct {
	keys           apikey.Store
	plans          usageplan.Store
	access         usageplan.AccessReader // nil: keys and plans are asked for one by one
	local          bool                   // the directory never waits
	form           apikey.Format
	keep           time.Duration
	maxAge         time.Duration
	maxStale       time.Duration
	timeout        time.Duration // of a look-up
	patience       time.Duration // how long a request waits where what was read before will do
	logger         *slog.Logger
	listenerChecks []*listenerCheck
	cache          *cache

	mu         sync.Mutex
	allowances allowances
	refused    map[apikey.Digest]refusedSecret
	lookups    map[apikey.Digest]*lookup
	inFlight   int
	failing    bool              // the last look-up that ended has failed
	changes    uint64            // heard of
	changedAt  map[string]uint64 // while there are reads: the last change of each id; "" is of any
	maxRefused int
	maxReads   int
}

// refused is a secret, or an id, that was refused when it was read.
type refusedSecret struct {
	entry *entry // of the key that is disabled or has expired; nil: there is none
	until time.Duration
}

func newResolver(keys apikey.Store, plans usageplan.Store, cfg Config) *resolver {
	return &resolver{
		keys: keys, plans: plans, access: accessReader(keys, plans),
		local: store.IsLocal(keys) && store.IsLocal(plans),
		form:  cfg.KeyFormat, keep: cfg.Keep, maxAge: cfg.MaxAge, maxStale: cfg.MaxStale,
		timeout: cfg.LookupTimeout, patience: cfg.Timeout, logger: cfg.Logger, listenerChecks: newListenerChecks(keys, plans, cfg),
		cache:      newCache(cmp.Or(cfg.MaxKeys, 1<<20)),
		allowances: newAllowances(max(cmp.Or(cfg.MaxKeys, 1<<20), 1<<10)), // as many as keys, but for toys
		refused:    map[apikey.Digest]refusedSecret{},
		lookups:    map[apikey.Digest]*lookup{},
		changedAt:  map[string]uint64{},
		maxRefused: cmp.Or(cfg.MaxUnknown, 1<<14),
		maxReads:   cmp.Or(cfg.MaxReads, 64),
	}
}

// query is a question for a key: by the digest of a secret, or by an id.
type query struct {
	digest apikey.Digest
	id     string        // empty: by the digest
	at     time.Time     // the request's instant, by which keys expire
	now    time.Duration // the Gate's clock, by which ages go
}

// resolve is what is known of who asks. What has been found in the cache needs no second
// look at its form. Ages go by now, an age by the Gate's own clock: a request's At is of
// that request alone.
func (r *resolver) resolve(ctx context.Context, req *Request, now time.Duration) (*entry, error) {
	if req.KeyID == "" && len(req.Secret) > maxSecret {
		return nil, errUnknown
	}
	var d apikey.Digest
	if req.KeyID != "" {
		d = idDigest(req.KeyID)
	} else {
		d = apikey.DigestOf(string(req.Secret))
	}
	if e := r.cache.get(&d); e != nil && e.fresh(now) && e.usable(req.At) == 0 {
		return e, nil
	}
	if req.KeyID == "" && r.form.Check(string(req.Secret)) != nil {
		return nil, errUnknown
	}
	return r.lookUp(ctx, &query{d, req.KeyID, req.At, now})
}

// maxSecret is the most bytes of a secret that are looked at. AWS's longest have 128
// characters, of up to 4 bytes each.
const maxSecret = 128 * 4

// load reads the key and its plans from their stores. The plans of a key that is refused
// are not looked at.
func (r *resolver) loadEntry(ctx context.Context, lk *lookup, q *query) (*entry, error) {
	found, err := r.fetchAccess(ctx, q)
	if errors.Is(err, apikey.ErrNotFound) {
		return nil, errUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("gate: key: %w", err)
	}
	r.setKeyID(lk, found.Key.ID)
	e := newEntry(q.digest, q.id != "", &found.Key, q.now)
	if e == nil {
		return nil, errUnknown
	}
	if e.planless = e.usable(q.at) != 0; e.planless {
		return e, nil
	}
	if r.access == nil {
		if found.Links, err = r.plans.KeyLinks(ctx, found.Key.ID); err != nil {
			return nil, fmt.Errorf("gate: links of key %s: %w", found.Key.ID, err)
		}
	}
	for i := range found.Links {
		if err := r.bindLink(ctx, lk, e, &found.Links[i], found, q.now); err != nil {
			return nil, err
		}
	}
	until := e.history.read + r.maxAge
	e.until.Store(int64(until - rand.N((until-q.now)/2+1)))
	return e, nil
}

// find reads the key, and with an AccessReader its links and plans.
func (r *resolver) fetchAccess(ctx context.Context, q *query) (*usageplan.Access, error) {
	var (
		a   usageplan.Access
		err error
	)
	switch byID := q.id != ""; {
	case r.access != nil && byID:
		a, err = r.access.AccessByKey(ctx, q.id)
	case r.access != nil:
		a, err = r.access.AccessByDigest(ctx, q.digest)
	case byID:
		a.Key, err = r.keys.Key(ctx, q.id)
	default:
		a.Key, err = r.keys.KeyByDigest(ctx, q.digest)
	}
	return &a, err
}

// bind adds to e what a link allows. A link to a plan that does not exist allows nothing.
func (r *resolver) bindLink(ctx context.Context, lk *lookup, e *entry, l *usageplan.Link, found *usageplan.Access, now time.Duration) error {
	var (
		a   planned
		err error
	)
	if r.access == nil {
		a, err = r.planAllowance(ctx, lk, l, now)
	} else if plan := found.Plan(l.PlanID); plan != nil {
		a, err = r.readAllowance(lk, l, plan, now)
	} else {
		return nil
	}
	if errors.Is(err, usageplan.ErrNotFound) {
		return nil // the plan was deleted after the link was read
	}
	if err != nil {
		return fmt.Errorf("gate: plan %s: %w", l.PlanID, err)
	}
	e.history.read = min(e.history.read, a.read)
	e.addBinding(l.Subject, a.allowance)
	return nil
}
