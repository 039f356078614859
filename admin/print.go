package admin

import "fmt"

// String returns the name of the type. A Config may hold a FormKey.
func (c Config) String() string { return "admin.Config" }

// Format prints String for every verb.
func (c Config) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// String returns the name of the type.
func (h *Handler) String() string { return "admin.Handler" }

// Format prints String for every verb. Without it, fmt would read the fields of the
// stores without a lock.
//
// Security: those fields may hold a secret, such as a password or the FormKey.
func (h *Handler) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(h.String())) }
