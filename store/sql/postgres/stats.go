package postgres

// Stats says how busy the transactions of a Store are.
type Stats struct {
	// Batches is how many transactions that charge are in flight. Waiting is how many
	// charges wait for one. If charges wait for most of the time, the database is as busy
	// as Config.Calls lets it be.
	Batches, Waiting int
}

// Stats returns how busy the transactions of the Store are.
func (s *Store) Stats() (stats Stats) {
	for _, lane := range s.lanes {
		batches, waiting := lane.Load()
		stats.Batches += batches
		stats.Waiting += waiting
	}
	return stats
}
