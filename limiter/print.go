package limiter

import (
	"fmt"
	"io"
)

// String is the name of the type.
func (l *Limiter) String() string { return "limiter.Limiter" }

// Format prints String, whatever the verb. What fmt would print is read without locks,
// and may be a secret of a store.
func (l *Limiter) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, l.String()) }
