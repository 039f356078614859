package redis

// OnChange implements usageplan.Notifier. While a Run is going, changed is called with
// the id of each key and plan that any process changes, for a link with its key's, and
// with "" when the Run begins to hear and after every break; and now, with "". Without a
// Run that is all. It may read the Store, and should be quick: the next change waits for
// it. It must neither subscribe nor call stop, which waits for the calls that are under
// way.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }

// Listening implements usageplan.Listener: it reports whether a Run is under way, be it
// connected or not.
func (s *Store) Listening() bool { return s.running.Load() > 0 }
