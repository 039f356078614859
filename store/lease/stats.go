package lease

// Stats says what a Counter leases.
type Stats struct {
	// Subjects is how many subjects are hot, so that units of them are leased or may be.
	// Config.Subjects bounds them.
	Subjects int

	// Failing reports that the settlement that ended last has failed. Units that are leased
	// are then spent until they expire.
	Failing bool
}

// Stats returns what the Counter leases.
func (l *Counter) Stats() Stats {
	l.accounts.mu.Lock()
	defer l.accounts.mu.Unlock()
	return Stats{Subjects: l.accounts.live, Failing: l.settlements.State().Failing}
}
