package sqlite

// Stats says how busy the transactions of a Store are.
type Stats struct {
	// Batches is how many transactions that charge are in flight: 0 or 1. Waiting is how
	// many charges wait for the next one.
	Batches, Waiting int

	// Reads is how many transactions that read are in flight. ReadsWaiting is how many reads
	// wait for one.
	Reads, ReadsWaiting int
}

// Stats returns how busy the transactions of the Store are.
func (s *Store) Stats() (stats Stats) {
	stats.Batches, stats.Waiting = s.charges.Load()
	stats.Reads, stats.ReadsWaiting = s.readings.Load()
	return stats
}
