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
