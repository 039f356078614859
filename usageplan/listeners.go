package usageplan

import "sync"

// Listeners is for stores that are Notifiers: those who want to hear of changes. The zero
// Listeners is nobody. Safe for concurrent use.
type Listeners struct {
	mu   sync.RWMutex
	all  map[int]func(id string)
	last int
}

// Add is a Notifier's OnChange: changed is called by Tell, and now, with "". It must
// neither call Add nor stop, which waits for the calls that are under way.
func (l *Listeners) Add(changed func(id string)) (stop func()) {
	n := l.add(changed)
	changed("")
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, n)
	}
}

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

// Tell calls all of them with the id of what has changed, or with "" if it may be
// anything.
func (l *Listeners) Tell(id string) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, changed := range l.all {
		changed(id)
	}
}
