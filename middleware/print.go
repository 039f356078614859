package middleware

import (
	"fmt"
	"io"
)

// String is the name of the type.
func (m *Middleware) String() string { return "middleware.Middleware" }

// Format prints String, whatever the verb. What fmt would print is read without locks,
// and may be a secret of a store.
func (m *Middleware) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
