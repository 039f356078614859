package redis

import "github.com/ration-go/ration/usageplan"

// OnChange implements usageplan.Notifier. It calls changed at once, with "". While a Run
// is running, changed is also called with the id of each key, plan and group that any
// process changes. For a link it gets the id of the link's key. It gets "" when the Run
// has subscribed, and again after every break. Without a Run there are no further calls.
//
// The function changed may read the Store. It should be quick, because the next change
// waits for it. It must not call OnChange, and it must not call stop, which waits for the
// calls in progress.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }

// ListenerState implements usageplan.Listener. It returns whether a Run is in progress,
// since when the Run has been subscribed, and when it last heard of a change.
func (s *Store) ListenerState() usageplan.ListenerState { return s.subscription.State() }
