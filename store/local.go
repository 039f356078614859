package store

// Local is what a Counter that never waits may also be: its Take does no input or output, so that a caller need not bound
// it with a deadline, whose timer would cost more than the decision. A Counter that wraps another says what IsLocal says
// of that one, unless its own Take waits, and has it from no store that it embeds: see Counter.
type Local interface{ Local() bool }

// IsLocal says whether c never waits. A Counter that is not Local may wait.
func IsLocal(c Counter) bool {
	l, ok := c.(Local)
	return ok && l.Local()
}
