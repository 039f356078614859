package redis

import (
	"strings"

	"github.com/ration-go/ration/store"
)

// appendKey appends the name of the key that has the value of a subject:
//
//	prefix:{family}         of the subject that is a family's root
//	prefix:{family}{rest}   of any other, where rest follows the family's '>'
//
// A Cluster takes the slot from the first braces, so the keys of a family share a slot.
// Every '}' and '%' of the two texts is escaped, so a name is a subject's and nobody
// else's. An empty family is written as a single '%', because empty braces would not
// count.
func (s *Store) appendKey(b []byte, subject string) []byte {
	family, rest, isMember := strings.Cut(subject, ">")
	b = append(append(b, s.prefix...), ":{"...)
	if family == "" {
		b = append(b, '%')
	}
	b = append(appendEscaped(b, family, '}'), '}')
	if isMember {
		b = append(appendEscaped(append(b, '{'), rest, '}'), '}')
	}
	return b
}

// key returns the name of the key that has the value of a subject.
func (s *Store) key(subject string) string { return string(s.appendKey(nil, subject)) }

// isApart reports whether the parts of c are not sure to be on one server. It is an error
// for a Cluster only if their slots differ. A proxy may place the keys by rules of its
// own, but it keeps a family together.
func (s *Store) isApart(l *link, c *store.Charge) bool {
	if l.together {
		return false
	}
	first := store.Family(c.Parts[0].Subject)
	for i := range c.Parts[1:] {
		other := c.Parts[1+i].Subject
		if store.Family(other) == first {
			continue
		}
		if !l.isCluster || slotOf(s.key(other)) != slotOf(s.key(first)) {
			return true
		}
	}
	return false
}
