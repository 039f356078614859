package strict

import "strings"

// names is the set of member names that an object has had so far.
type names struct {
	few  [16]string
	n    int             // names in few
	many map[string]bool // the names beyond few
}

// has reports whether name is among the names, and adds it. Names of struct fields are
// compared without regard to case. There are few of these, since encoding/json has found
// a field for each.
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
		// some letters have an ASCII letter only in one of the two cases
		name = strings.ToLower(strings.ToUpper(name))
	}
	had := n.many[name]
	if n.many == nil {
		n.many = map[string]bool{}
	}
	n.many[name] = true
	return had
}
