package directory

// OnChange implements usageplan.Notifier. It calls changed at once, with "". While a Run
// is running, changed is also called with the ID of each key, plan and group that any
// process changes, also by hand. For a link it gets the ID of the link's key. A Store
// over SQLite tells of its own changes before they return, also without a Run.
//
// The function changed may read the Store. It should be quick, because the next change
// waits for it. It must not call OnChange, and it must not call stop, which waits for the
// calls in progress.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }

// Listening implements usageplan.Listener. It reports whether a Run is running, whether
// that Run hears of changes at the moment or not.
func (s *Store) Listening() bool { return s.running.Load() > 0 }

// Tell tells the functions that were given to OnChange of a change. The column is the ID
// as the tables have it, or empty if anything may have changed.
//
// Tell is no method, because the Stores of other packages embed a Store.
func Tell(s *Store, column string) {
	id, err := unescapeText(column)
	if err != nil { // of a row that was changed by hand
		id = ""
	}
	s.listeners.Tell(id)
}
