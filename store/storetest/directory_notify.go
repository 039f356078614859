package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// subscriptions returns the cases of Notifier for a kind of store. The function change
// makes the i-th of many changes, and returns its ID.
func subscriptions[S any](change func(ctx context.Context, s S, i int) (id string, err error)) []directoryCase[S] {
	type changes func(i int) (id string, err error)
	notifying := func(test func(v *visit, n usageplan.Notifier, change changes)) func(*visit, S) {
		return func(v *visit, s S) {
			if n, ok := any(s).(usageplan.Notifier); ok {
				test(v, n, func(i int) (string, error) { return change(v.ctx, s, i) })
			}
		}
	}
	return []directoryCase[S]{{
		"notify/first", `A subscription begins with the empty ID, because anything may have changed before it. Each has its own.`,
		notifying(func(v *visit, n usageplan.Notifier, change changes) {
			for i := range 3 {
				heard := new(listener)
				stop := n.OnChange(heard.hear)
				heard.begins(v)
				id, err := change(i)
				v.ok(err)
				heard.hears(v, id)
				stop()
			}
		}),
	}, {
		"notify/others", "The end of a subscription ends no other.",
		notifying(func(v *visit, n usageplan.Notifier, change changes) {
			var heard [4]listener
			var stops []func()
			for i := range heard {
				stops = append(stops, n.OnChange(heard[i].hear))
			}
			for i, stop := range stops {
				id, err := change(i)
				v.ok(err)
				for j := range heard {
					if j >= i {
						heard[j].hears(v, id)
					}
				}
				stop()
				if heard[i].rest(); i > 0 && len(heard[i-1].rest()) > 0 {
					v.failf("a stopped subscription was told of a later change")
				}
			}
		}),
	}, {
		"notify/stop", "No function is called after the stop of its subscription has returned, not even for a change that was " +
			"being reported.",
		notifying(func(v *visit, n usageplan.Notifier, change changes) {
			for i := range 5 { // the order in which a store calls them is its own
				v.stopsWhileTold(n, func() error { _, err := change(i); return err })
			}
		}),
	}}
}

// begins checks that the first report is of the empty ID.
func (e *listener) begins(v *visit) {
	if first := e.next(); first == nil || *first != "" {
		v.failf("reported at the start of a subscription %s: want the empty ID", toldID(first))
	}
}

// hears checks that the next report, other than the empty ID, is of an ID.
func (e *listener) hears(v *visit, id string) {
	for {
		switch next := e.next(); {
		case next == nil || *next != "" && *next != id:
			v.failf("reported change %s: want %q", toldID(next), id)
		case *next == id:
			return
		}
	}
}

func toldID(id *string) string {
	if id == nil {
		return "none"
	}
	return fmt.Sprintf("%q", *id)
}

// next returns the next report, or nil if there is none within a while.
func (e *listener) next() *string {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		e.mu.Lock()
		if len(e.heard) > 0 {
			next := e.heard[0]
			e.heard = e.heard[1:]
			e.mu.Unlock()
			return &next
		}
		e.mu.Unlock()
	}
	return nil
}

// rest returns the reports that next has not returned, and forgets them.
func (e *listener) rest() (heard []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard, e.heard = slices.Clone(e.heard), nil
	return heard
}

// stopsWhileTold makes a change while several functions are subscribed. The first one
// that is called waits until the others are stopped, or until their stop waits for it.
func (v *visit) stopsWhileTold(n usageplan.Notifier, change func() error) {
	const subscribed = 4
	var (
		changing atomic.Bool
		first    atomic.Int32 // one more than the number of the function that waits
		late     atomic.Int32
		over     [subscribed]atomic.Bool
		stops    [subscribed]func()
		stopped  [subscribed]error
	)
	waits, release := make(chan struct{}), make(chan struct{})
	for i := range subscribed {
		stops[i] = n.OnChange(func(string) {
			switch {
			case over[i].Load():
				late.Add(1)
			case changing.Load() && first.CompareAndSwap(0, int32(i+1)):
				close(waits)
				<-release
			}
		})
	}
	var all sync.WaitGroup
	changing.Store(true)
	var err error
	all.Go(func() { err = caught(change) })
	select {
	case <-waits:
	case <-time.After(5 * time.Second):
	}
	var stopping sync.WaitGroup
	var running atomic.Int32
	for i := range subscribed {
		if i+1 != int(first.Load()) {
			running.Add(1)
			stopping.Go(func() {
				defer running.Add(-1)
				stopped[i] = failing(stops[i])
				over[i].Store(true)
			})
		}
	}
	for range 1000 { // those that do not wait for the call in progress return meanwhile
		if running.Load() > 0 {
			runtime.Gosched()
		}
	}
	close(release)
	all.Wait()
	stopping.Wait()
	v.fails(stopped[:]...)
	if errors.As(err, new(panicked)) {
		v.fails(err)
	}
	v.ok(err)
	if n := first.Load(); n > 0 {
		stops[n-1]()
	}
	if n := late.Load(); n > 0 {
		v.failf("%d functions were called after the stop of their subscriptions had returned", n)
	}
}

var subscribedKeys = subscriptions(func(ctx context.Context, s apikey.Store, i int) (string, error) {
	k := aKey(i)
	return k.ID, s.InsertKey(ctx, k)
})

var subscribedPlans = subscriptions(func(ctx context.Context, s usageplan.Store, i int) (string, error) {
	l := aLink(0, i)
	return l.KeyID, s.InsertLink(ctx, l)
})
