package gate

// changed forgets what is known of a key or a plan. Any change may be the creation of
// what was unknown, and what is being read may be what has changed: who asks from now on
// does not wait for that.
//
// An empty id doubts everything: it is read again before it is used. Known keys that
// cannot be read then go on as in any outage, since nothing is known of a change of them.
func (r *resolver) changed(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	r.hear(id)
	clear(r.refused)
	for d, f := range r.flights {
		if id == "" || f.key == "" || f.key == id {
			delete(r.flights, d)
		}
	}
	if id == "" {
		r.cache.doubt()
		r.allowances.doubt()
		return
	}
	r.cache.drop(id)
	r.allowances.forget(id)
}

// maxHeard bounds what is remembered of changes during reads; beyond it anything may have
// changed.
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
