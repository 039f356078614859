package memory

// OnChange implements usageplan.Notifier: changed is called before the changing method
// returns, with the id of the key or the plan, for a link with its key's; and now, with
// "". It may read the Store, but must not change it, nor subscribe, nor call stop, which
// waits for the calls that are under way.
func (s *Store) OnChange(changed func(id string)) (stop func()) { return s.listeners.Add(changed) }
