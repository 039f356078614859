package middleware

import (
	"fmt"
	"io"
)

// String returns the name of the type.
func (m *Middleware) String() string { return "middleware.Middleware" }

// Format prints String, whatever the verb. Otherwise fmt would read the fields without
// their locks, and could print secrets of a store.
func (m *Middleware) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }

// Format prints the name of the type, whatever the verb. Otherwise fmt would print the
// request with its credential.
func (c *deciding) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "middleware.deciding") }

// Format prints the name of the type, as that of deciding does.
func (c *limited) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "middleware.limited") }
