package usageplan

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/quota"
)

// errUnknown means that there is no such key.
var errUnknown = errors.New("usageplan: unknown key")

// ErrBusy is wrapped when as many look-ups of keys are under way as GateConfig.MaxReads allows.
var ErrBusy = errors.New("usageplan: too many look-ups of keys at once")

// resolver finds keys and plans in their stores, remembers them for MaxAge, and forgets them when a store says that they
// have changed. Unknown keys are remembered apart from known ones, and never push one out.
type resolver struct {
	keys    apikey.Store
	plans   Store
	form    apikey.Format
	keep    time.Duration
	maxAge  time.Duration
	timeout time.Duration
	cache   *cache

	mu         sync.Mutex
	allowances map[string]planned              // by plan
	stale      map[string]*atomic.Bool         // by plan: what its allowances look at
	unknown    map[apikey.Digest]time.Duration // keys, and until when
	flights    map[apikey.Digest]*flight
	reads      int
	changes    uint64            // heard of
	heard      map[string]uint64 // while there are reads: the last change of each id; "" is of any
	maxPlans   int
	maxUnknown int
	maxReads   int
}

// planned is a plan's allowance, shared by its links without overrides.
type planned struct {
	*allowance
	until time.Duration
}

func newResolver(cfg GateConfig) *resolver {
	return &resolver{
		keys: cfg.Keys, plans: cfg.Plans, form: cfg.Format, keep: cfg.Keep, maxAge: cfg.MaxAge, timeout: cfg.Timeout,
		cache:      newCache(orElse(cfg.MaxKeys, 1<<20)),
		allowances: map[string]planned{},
		stale:      map[string]*atomic.Bool{},
		unknown:    map[apikey.Digest]time.Duration{},
		flights:    map[apikey.Digest]*flight{},
		heard:      map[string]uint64{},
		maxPlans:   max(orElse(cfg.MaxKeys, 1<<20), 1<<10), // as many as keys, but for toys
		maxUnknown: orElse(cfg.MaxUnknown, 1<<14),
		maxReads:   orElse(cfg.MaxReads, 64),
	}
}

// resolve is what is known of who asks. What has been found in the cache needs no second look at its form. Ages go by now,
// an age by the Gate's own clock: a request's At is of that request alone.
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
	if e := r.cache.get(&d); e != nil && e.fresh(now) {
		return e, nil
	}
	if req.KeyID == "" && r.form.Check(string(req.Secret)) != nil {
		return nil, errUnknown
	}
	return r.read(ctx, d, req.KeyID, now)
}

// maxSecret is the most bytes of a secret that are looked at. AWS's longest have 128
// characters, of up to 4 bytes each.
const maxSecret = 128 * 4

// load reads the key and its plans from their stores.
func (r *resolver) load(ctx context.Context, f *flight, id string, now time.Duration) (*entry, error) {
	d := f.digest
	key, err := r.key(ctx, d, id)
	if errors.Is(err, apikey.ErrNotFound) {
		return nil, errUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("usageplan: key: %w", err)
	}
	r.found(f, key.ID)
	e := &entry{digest: d, key: &key, until: now + r.maxAge}
	if id == "" && !key.Digest.Equal(&d) {
		if !key.Retiring.Equal(&d) || key.RetiringUntil.IsZero() { // as Key.Accepts has it, whatever the store's index says
			return nil, errUnknown
		}
		e.retires = &key.RetiringUntil
	}
	e.always = key.Enabled && key.Expires.IsZero() && e.retires == nil
	links, err := r.plans.KeyLinks(ctx, key.ID)
	if err != nil {
		return nil, fmt.Errorf("usageplan: links of key %s: %w", key.ID, err)
	}
	for i := range links {
		a, err := r.allowance(ctx, &links[i], now)
		if errors.Is(err, ErrNotFound) {
			continue // the plan was deleted after the link was read
		}
		if err != nil {
			return nil, fmt.Errorf("usageplan: plan %s: %w", links[i].PlanID, err)
		}
		e.until = min(e.until, a.until)
		e.bind(links[i].Subject, a.allowance)
	}
	e.until -= rand.N((e.until-now)/2 + 1)
	return e, nil
}

func (r *resolver) key(ctx context.Context, d apikey.Digest, id string) (apikey.Key, error) {
	if id != "" {
		return r.keys.Key(ctx, id)
	}
	return r.keys.KeyByDigest(ctx, d)
}

// allowance is what a link allows. The plan's own is shared by its links without overrides.
func (r *resolver) allowance(ctx context.Context, l *Link, now time.Duration) (planned, error) {
	r.mu.Lock()
	p, ok := r.allowances[l.PlanID]
	stale := r.stale[l.PlanID]
	if stale == nil {
		r.forgetPlans()
		stale = new(atomic.Bool)
		r.stale[l.PlanID] = stale
	}
	r.mu.Unlock()
	// A plan in the second half of its age would end that of all its keys at one instant.
	if ok = ok && now < p.until-r.maxAge/2; ok && p.serves(l) {
		return p, nil
	}
	plan, until := (*Plan)(nil), now+r.maxAge
	if ok {
		plan, until = p.plan, p.until
	} else {
		read, err := r.plans.Plan(ctx, l.PlanID)
		if err != nil {
			return planned{}, err
		}
		plan = &read
	}
	a, err := newAllowance(plan, l, r.keep, stale)
	if err != nil {
		return planned{}, err
	}
	p = planned{a, until}
	if a.record == quota.RecordName && p.serves(l) {
		r.mu.Lock()
		if r.stale[l.PlanID] == stale { // not changed meanwhile
			r.allowances[l.PlanID] = p
		}
		r.mu.Unlock()
	}
	return p, nil
}
