package lease

// Eager makes every subject hot at its first charge.
func (l *Counter) Eager() *Counter {
	l.hotAfter = 1
	return l
}
