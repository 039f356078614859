package usageplan

import "sync"

// Listeners is a set of change callbacks, for stores that implement Notifier. The zero
// value is an empty set. It is safe for concurrent use.
type Listeners struct {
	mu   sync.RWMutex
	all  map[int]func(id string)
	last int
}

// Add adds changed to the set, and calls it once with "", as Notifier.OnChange must. stop
// removes changed, and waits for the calls of Tell that are under way.
//
// Caution: changed must not call Add or stop, which would wait for it forever.
func (l *Listeners) Add(changed func(id string)) (stop func()) {
	// changed is called after it was added. The other order would lose a change that comes
	// between the two.
	n := l.add(changed)
	changed("")
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, n)
	}
}

// add adds changed under a new number, by which it can be removed. Functions cannot be
// compared.
func (l *Listeners) add(changed func(id string)) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[int]func(string){}
	}
	l.last++
	l.all[l.last] = changed
	return l.last
}

// Tell calls every function in the set with the ID of the key or the plan that changed,
// or with "" if anything may have changed.
func (l *Listeners) Tell(id string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, changed := range l.all {
		changed(id)
	}
}
