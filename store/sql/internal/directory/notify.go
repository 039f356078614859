package directory

import "github.com/ration-go/ration/usageplan"

// OnChange implements usageplan.Notifier. It calls changed at once, with "". While a Run
// is running, changed is also called with the ID of each key, plan and group that any
// process changes, also by hand. For a link it gets the ID of the link's key. A Store
// over SQLite tells of its own changes before they return, also without a Run.
//
// The function changed may read the Store. It should be quick, because the next change
// waits for it. It must not call OnChange, and it must not call stop, which waits for the
// calls in progress.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }

// ListenerState implements usageplan.Listener. It returns whether a Run is in progress,
// since when the Run has been subscribed, and when it last heard of a change.
func (s *Store) ListenerState() usageplan.ListenerState { return s.subscription.State() }

// Tell tells the functions that were given to OnChange of a change. The column is the ID
// as the tables have it, or empty if anything may have changed.
//
// Tell is no method, because the Stores of other packages embed a Store.
func Tell(s *Store, column string) {
	id, err := unescapeText(column)
	if err != nil { // of a row that was changed by hand
		id = ""
	}
	s.subscription.Hear()
	s.listeners.Tell(id)
}
