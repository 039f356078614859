package redis

// Stats says how busy the calls of a Store to the server are.
type Stats struct {
	// Calls is how many calls that decide are in flight. Each has up to 128 decisions.
	// Waiting is how many decisions wait for a call.
	//
	// If decisions wait for most of the time, the server is as busy as it can be.
	Calls, Waiting int

	// Commands is how many other calls are in flight, such as look-ups of keys.
	// CommandsWaiting is how many wait.
	Commands, CommandsWaiting int
}

// Stats returns how busy the calls of the Store are. All are 0 before the Store is
// connected.
func (s *Store) Stats() (stats Stats) {
	l := s.link.Load()
	if l == nil {
		return stats
	}
	for i := range l.decisions {
		calls, waiting := l.decisions[i].Load()
		stats.Calls += calls
		stats.Waiting += waiting
	}
	stats.Commands, stats.CommandsWaiting = l.commands.queue.Load()
	return stats
}
