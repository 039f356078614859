package limiter

import (
	"fmt"
	"io"
)

// String returns the name of the type.
func (l *Limiter) String() string { return "limiter.Limiter" }

// Format prints String for every verb. The default formatting would read the fields
// without synchronization and could print a secret of the store.
func (l *Limiter) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, l.String()) }

// String returns the name of the type.
func (s *Set) String() string { return "limiter.Set" }

// Format prints String for every verb, as that of a Limiter does.
func (s *Set) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
