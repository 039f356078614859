package store

// Local is an optional interface of a Counter, and of a directory of keys or plans. One
// that is Local never waits: it does no input or output. Its caller need not bound a call
// with a deadline, whose timer would cost more than a decision. A type that wraps another
// says what IsLocal says of that one, unless its own methods wait, and has it from no
// store that it embeds: see Counter.
type Local interface{ Local() bool }

// IsLocal reports whether s, a Counter or a directory, never waits. One that is not Local
// may wait.
func IsLocal(s any) bool {
	l, ok := s.(Local)
	return ok && l.Local()
}
