package store

// Local is an optional interface of a Counter, or of a directory of keys or plans, that
// never waits for input or output. Its callers then need no deadline, whose timer would
// cost more than a decision in memory.
//
// A type that wraps another returns what IsLocal says of the wrapped value, unless its
// own methods wait. It must not inherit Local from an embedded store: see Counter.
type Local interface{ Local() bool }

// IsLocal reports whether s, a Counter or a directory, never waits. A value without Local
// is assumed to wait.
func IsLocal(s any) bool {
	l, ok := s.(Local)
	return ok && l.Local()
}
