package store

// Local is an optional interface of a Counter, or of a directory of keys or plans, whose
// callers need no deadline. A timer for it would cost more than a decision in memory. A
// Local value never waits for input or output, or it bounds by itself how long it waits.
//
// A type that wraps another returns what IsLocal says of the wrapped value, unless its
// own methods wait. It must not inherit Local from an embedded store: see Counter.
type Local interface{ Local() bool }

// IsLocal reports whether the callers of s, a Counter or a directory, need no deadline. A
// value without Local is assumed to wait.
func IsLocal(s any) bool {
	l, ok := s.(Local)
	return ok && l.Local()
}
