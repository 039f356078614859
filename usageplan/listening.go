package usageplan

import (
	"errors"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// A ListenerState says whether a Listener hears of changes.
type ListenerState struct {
	// Running reports that a Run is in progress.
	Running bool

	// Since is when the Run subscribed last. It is zero while the Run has no subscription:
	// then a change by another process is not heard.
	Since time.Time

	// Heard is when the last change was heard. It is zero if none was.
	Heard time.Time

	// Lost is how many subscriptions broke while their Run went on. Failed is how many
	// attempts to subscribe failed. Denied is how many of both the server of the store
	// denied: see store.ErrDenied. They count since the store was made, and only grow.
	Lost, Failed, Denied int64
}

// A Subscription keeps the ListenerState of a store. The zero value has no Run. It is
// safe for concurrent use, and several Runs may share it.
type Subscription struct {
	mu         sync.Mutex
	running    int
	subscribed int
	state      ListenerState
}

// Run notes that a Run begins, until end is called.
func (s *Subscription) Run() (end func()) {
	s.update(func() { s.running++ })
	return func() { s.update(func() { s.running-- }) }
}

// Subscribe notes that a Run has subscribed, until lost is called.
func (s *Subscription) Subscribe() (lost func()) {
	s.update(func() {
		if s.subscribed++; s.subscribed == 1 {
			s.state.Since = time.Now()
		}
	})
	return func() {
		s.update(func() {
			if s.subscribed--; s.subscribed == 0 {
				s.state.Since = time.Time{}
			}
		})
	}
}

// Fail notes why a Run is not subscribed. If it was subscribed, the subscription broke
// with err. Otherwise the attempt to subscribe failed. The end of a Run is no failure.
func (s *Subscription) Fail(subscribed bool, err error) {
	s.update(func() {
		if subscribed {
			s.state.Lost++
		} else {
			s.state.Failed++
		}
		if errors.Is(err, store.ErrDenied) {
			s.state.Denied++
		}
	})
}

// Hear notes that a change was heard.
func (s *Subscription) Hear() { s.update(func() { s.state.Heard = time.Now() }) }

// State returns the ListenerState.
func (s *Subscription) State() ListenerState {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	state.Running = s.running > 0
	return state
}

// update calls change under the lock.
func (s *Subscription) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}
