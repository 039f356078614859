package strict

import "strings"

// names is the members that an object has.
type names struct {
	few  [16]string
	n    int             // of few
	many map[string]bool // beyond few
}

// has reports whether name is among the names, and adds it. Names of fields are the same
// in upper and lower case. There are few of them, since encoding/json has found a field
// for each.
func (n *names) has(name string, field bool) bool {
	for _, other := range n.few[:n.n] {
		if name == other || field && strings.EqualFold(name, other) {
			return true
		}
	}
	if n.n < len(n.few) {
		n.few[n.n] = name
		n.n++
		return false
	}
	if field {
		name = strings.ToLower(strings.ToUpper(name)) // some letters have an ASCII letter in one of the two alone
	}
	had := n.many[name]
	if n.many == nil {
		n.many = map[string]bool{}
	}
	n.many[name] = true
	return had
}
