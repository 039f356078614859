package usageplan

import (
	"context"
	"errors"
	"time"

	"github.com/ration-go/ration/apikey"
)

// flight is one look-up that several requests wait for.
type flight struct {
	digest apikey.Digest
	key    string // its id; "": not known yet
	began  uint64 // after so many changes
	done   chan struct{}
	entry  *entry
	err    error
}

// read looks a key up by its secret's digest, or by id if that is not empty, unless someone else is doing so already.
// now is the reading of the clock from which the answer's age counts.
func (r *resolver) read(ctx context.Context, d apikey.Digest, id string, now time.Duration) (*entry, error) {
	for {
		f, leads, err := r.board(d, id, now)
		switch {
		case err != nil:
			return nil, err
		case leads:
			return r.lead(ctx, f, id, now)
		}
		select {
		case <-f.done:
			if f.err != nil || f.entry.fresh(f.entry.until-1) { // else one of its plans has changed, maybe before this began
				return f.entry, f.err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// board is the flight of a digest that is under way, or a new one, which the caller leads. A quarter of the places is for
// keys that were known a while ago: a flood of others does not keep them out.
func (r *resolver) board(d apikey.Digest, id string, now time.Duration) (f *flight, leads bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until, ok := r.unknown[d]; ok && now < until {
		return nil, false, errUnknown
	}
	if f := r.flights[d]; f != nil {
		return f, false, nil
	}
	most := r.maxReads
	if _, known := r.cache.find(&d); !known {
		most -= r.maxReads / 4
	}
	if r.reads >= most {
		return nil, false, ErrBusy
	}
	r.reads++
	f = &flight{digest: d, key: id, began: r.changes, done: make(chan struct{})}
	r.flights[d] = f
	return f, true, nil
}

// lead reads for all who wait, so it does not end with the request that began it.
func (r *resolver) lead(ctx context.Context, f *flight, id string, now time.Duration) (*entry, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	defer r.land(f, now)
	f.err = errors.New("usageplan: look-up panicked") // unless it returns
	f.entry, f.err = r.load(ctx, f, id, now)
	return f.entry, f.err
}

// found notes whose flight it is, from before anything more is read of that key.
func (r *resolver) found(f *flight, keyID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.key = keyID
}

// land keeps what a flight has found, unless it has changed since it began, and tells those who wait for it. Whether a plan
// has changed, the entry knows by itself.
func (r *resolver) land(f *flight, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.flights[f.digest] == f {
		delete(r.flights, f.digest)
	}
	switch {
	case f.err == nil && max(r.heard[""], r.heard[f.key]) <= f.began:
		r.cache.put(f.entry)
	case errors.Is(f.err, errUnknown) && f.began == r.changes: // any change may have made it known
		r.forgetUnknown()
		r.unknown[f.digest] = now + r.maxAge
	}
	if r.reads--; r.reads == 0 {
		clear(r.heard)
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

// changed forgets what is known of a key or a plan; of everything if id is "". Any change may be the creation of what was
// unknown, and what is being read may be what has changed: who asks from now on does not wait for that.
func (r *resolver) changed(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	r.hear(id)
	clear(r.unknown)
	for d, f := range r.flights {
		if id == "" || f.key == "" || f.key == id {
			delete(r.flights, d)
		}
	}
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

// maxHeard bounds what is remembered of changes during reads; beyond it anything may have changed.
const maxHeard = 1 << 10

// hear remembers a change for the reads that are under way.
func (r *resolver) hear(id string) {
	if r.reads == 0 {
		return
	}
	if len(r.heard) >= maxHeard {
		clear(r.heard)
		id = ""
	}
	r.heard[id] = r.changes
}

func (r *resolver) forgetPlan(id string) {
	if stale := r.stale[id]; stale != nil {
		stale.Store(true)
		delete(r.stale, id)
		delete(r.allowances, id)
	}
}

// forgetPlans makes room for one more plan, at random; what is known of keys with a plan that is forgotten is read again.
func (r *resolver) forgetPlans() {
	for id := range r.stale {
		if len(r.stale) < r.maxPlans {
			return
		}
		r.forgetPlan(id)
	}
}
