package memory

import "sync"

// listeners are those who want to hear of changes.
type listeners struct {
	mu   sync.RWMutex
	all  map[int]func(id string)
	last int
}

// OnChange implements usageplan.Notifier: changed is called before the changing method returns, with the id of the key or
// the plan, for a link with its key's. changed may read the Store; it must not call stop.
func (s *Store) OnChange(changed func(id string)) (stop func()) {
	l := &s.listeners
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[int]func(string){}
	}
	l.last++
	n := l.last
	l.all[n] = changed
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, n)
	}
}

func (l *listeners) tell(id string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, changed := range l.all {
		changed(id)
	}
}
