package gate

import "time"

// invalidate drops what is cached of the key, plan or group with this ID. A Notifier
// calls it.
//
// Any change may create a key that was unknown, so all refused secrets are forgotten. A
// look-up in flight may have read the state before the change. Requests from now on start
// a new one, unless the look-up is known to be of another key.
//
// If id is empty, anything may have changed. Then everything is read again before it is
// used. No single key is known to have changed, so keys that cannot be read stay in use
// as in any outage.
func (r *resolver) invalidate(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes++
	r.noteChange(id)
	clear(r.refused)
	for d, l := range r.lookups {
		if id == "" || l.keyID == "" || l.keyID == id {
			delete(r.lookups, d)
		}
	}
	if id == "" {
		r.cache.expireAll()
		r.allowances.clear()
		return
	}
	// An ID may be that of a key, a plan or a group: the Notifier does not tell which.
	for e := r.cache.byKey[id]; e != nil; e = e.next {
		r.depart(e.fingerprint)
	}
	r.cache.removeKey(id)
	r.allowances.remove(id)
	r.allowances.remove(groupFlag + id)
}

// depart notes a secret that was good until its key changed.
func (r *resolver) depart(f fingerprint) {
	makeRoom(r.departed, r.maxRefused)
	r.departed[f] = struct{}{}
}

// knows reports whether f is cached as usable, or was when its key changed. It looks at
// the cache under the lock, because get misses an entry that is just being replaced.
func (r *resolver) knows(f fingerprint, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.cache.entryOf(f); e != nil {
		return e.usable(at) == 0
	}
	_, ok := r.departed[f]
	return ok
}

// maxNoted bounds the changes that are noted. Beyond it they are taken as one change of
// anything.
const maxNoted = 1 << 10

// noteChange notes a change for the look-ups in flight. Each finds out at its end
// whether what it read has changed since it began.
func (r *resolver) noteChange(id string) {
	if r.inFlight == 0 {
		return
	}
	if len(r.changedAt) >= maxNoted {
		clear(r.changedAt)
		id = ""
	}
	r.changedAt[id] = r.changes
}
