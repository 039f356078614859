package usageplan

import (
	"context"
	"errors"
	"fmt"
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
	keep    time.Duration
	maxAge  time.Duration
	timeout time.Duration
	cache   *cache
	base    time.Time // from which ages count

	mu         sync.Mutex
	changes    uint64                  // heard of
	allowances map[string]planned      // by plan
	stale      map[string]*atomic.Bool // by plan: what its allowances look at
	unknown    map[apikey.Digest]int64 // keys, and until when
	flights    map[apikey.Digest]*flight
	reads      int
	maxUnknown int
	maxReads   int
}

// planned is a plan's allowance, shared by its links without overrides.
type planned struct {
	*allowance
	until int64
}

// flight is one look-up that several requests wait for.
type flight struct {
	done  chan struct{}
	entry *entry
	err   error
}

func newResolver(cfg GateConfig) *resolver {
	return &resolver{
		keys: cfg.Keys, plans: cfg.Plans, keep: cfg.Keep, maxAge: cfg.MaxAge, timeout: cfg.Timeout,
		cache:      newCache(orElse(cfg.MaxKeys, 1<<20)),
		base:       time.Now(),
		allowances: map[string]planned{},
		stale:      map[string]*atomic.Bool{},
		unknown:    map[apikey.Digest]int64{},
		flights:    map[apikey.Digest]*flight{},
		maxUnknown: orElse(cfg.MaxUnknown, 1<<14),
		maxReads:   orElse(cfg.MaxReads, 64),
	}
}

// resolve is what is known of who asks. What has been found in the cache needs no second look at its form.
func (r *resolver) resolve(ctx context.Context, req *Request, form apikey.Format) (*entry, error) {
	if req.KeyID == "" && len(req.Secret) > maxSecret {
		return nil, errUnknown
	}
	var d apikey.Digest
	if req.KeyID != "" {
		d = idDigest(req.KeyID)
	} else {
		d = apikey.DigestOf(string(req.Secret))
	}
	if e := r.cache.get(&d); e != nil && e.fresh(r.micros(req.At)) {
		return e, nil
	}
	if req.KeyID == "" && form.Check(string(req.Secret)) != nil {
		return nil, errUnknown
	}
	return r.read(ctx, d, req.KeyID, req.At)
}

// micros is the clock of ages, which a wall clock that is set does not move: a reading of time.Now is compared by its
// monotonic part.
func (r *resolver) micros(at time.Time) int64 { return at.Sub(r.base).Microseconds() }

// maxSecret is the most bytes of a secret that are looked at. AWS's longest have 128.
const maxSecret = 256

// read looks a key up by its secret's digest, or by id if that is not empty, unless someone else is doing so already.
// at is the reading of the clock from which the answer's age counts.
func (r *resolver) read(ctx context.Context, d apikey.Digest, id string, at time.Time) (*entry, error) {
	r.mu.Lock()
	if until, ok := r.unknown[d]; ok && r.micros(at) < until {
		r.mu.Unlock()
		return nil, errUnknown
	}
	if f := r.flights[d]; f != nil {
		r.mu.Unlock()
		select {
		case <-f.done:
			return f.entry, f.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if r.reads >= r.maxReads {
		r.mu.Unlock()
		return nil, ErrBusy
	}
	r.reads++
	f := &flight{done: make(chan struct{})}
	r.flights[d] = f
	changes := r.changes
	r.mu.Unlock()

	// Others wait for this read, so it does not end with the request that began it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	defer r.land(d, f, changes, at)
	f.err = errors.New("usageplan: look-up panicked") // unless it returns
	f.entry, f.err = r.load(ctx, d, id, at)
	return f.entry, f.err
}

// land keeps what a flight has found, unless something has changed since it began, and tells those who wait for it.
func (r *resolver) land(d apikey.Digest, f *flight, changes uint64, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads--
	if r.flights[d] == f {
		delete(r.flights, d)
	}
	if changes == r.changes {
		switch {
		case f.err == nil:
			r.cache.put(f.entry)
		case errors.Is(f.err, errUnknown):
			r.forgetUnknown()
			r.unknown[d] = r.micros(at) + r.maxAge.Microseconds()
		}
	}
	close(f.done)
}

// forgetUnknown makes room for one more unknown key, at random.
func (r *resolver) forgetUnknown() {
	for d := range r.unknown {
		if len(r.unknown) < r.maxUnknown {
			return
		}
		delete(r.unknown, d)
	}
}

// load reads the key and its plans from their stores.
func (r *resolver) load(ctx context.Context, d apikey.Digest, id string, at time.Time) (*entry, error) {
	key, err := r.key(ctx, d, id)
	if errors.Is(err, apikey.ErrNotFound) {
		return nil, errUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("usageplan: key: %w", err)
	}
	e := &entry{digest: d, key: &key, until: r.micros(at) + r.maxAge.Microseconds(), enabled: key.Enabled}
	e.plans = e.first[:0]
	if id == "" && !key.Digest.Equal(d) {
		e.retires = key.RetiringUntil
	}
	e.mortal = !key.Expires.IsZero() || !e.retires.IsZero()
	links, err := r.plans.KeyLinks(ctx, key.ID)
	if err != nil {
		return nil, fmt.Errorf("usageplan: links of key %s: %w", key.ID, err)
	}
	for i := range links {
		a, err := r.allowance(ctx, &links[i], at)
		if errors.Is(err, ErrNotFound) {
			continue // the plan was deleted after the link was read
		}
		if err != nil {
			return nil, fmt.Errorf("usageplan: plan %s: %w", links[i].PlanID, err)
		}
		e.until = min(e.until, a.until)
		e.plans = append(e.plans, binding{links[i].Subject, a.allowance})
	}
	return e, nil
}

func (r *resolver) key(ctx context.Context, d apikey.Digest, id string) (apikey.Key, error) {
	if id != "" {
		return r.keys.Key(ctx, id)
	}
	return r.keys.KeyByDigest(ctx, d)
}

// allowance is what a link allows. The plan's own is shared by its links without overrides.
func (r *resolver) allowance(ctx context.Context, l *Link, at time.Time) (planned, error) {
	r.mu.Lock()
	p, ok := r.allowances[l.PlanID]
	stale := r.stale[l.PlanID]
	if stale == nil {
		stale = new(atomic.Bool)
		r.stale[l.PlanID] = stale
	}
	r.mu.Unlock()
	if ok = ok && r.micros(at) < p.until; ok && p.serves(l) {
		return p, nil
	}
	plan, until := (*Plan)(nil), r.micros(at)+r.maxAge.Microseconds()
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

// changed forgets what is known of a key or a plan; of everything if id is "". Any change may be the creation of what was
// unknown, and what is being read may be what has changed.
func (r *resolver) changed(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	clear(r.unknown)
	clear(r.flights)
	if id == "" {
		r.cache.clear()
		for plan := range r.stale {
			r.forgetPlan(plan)
		}
		return
	}
	r.cache.drop(id)
	r.forgetPlan(id)
}

func (r *resolver) forgetPlan(id string) {
	if stale := r.stale[id]; stale != nil {
		stale.Store(true)
		delete(r.stale, id)
		delete(r.allowances, id)
	}
}
