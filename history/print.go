package history

import (
	"fmt"
	"io"
)

// String returns the name of the type.
func (h *History) String() string { return "history.History" }

// Format prints String for every verb. Without it, fmt would read the fields of the Store
// without a lock.
//
// Security: those fields may hold a secret, such as a password.
func (h *History) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, h.String()) }

// String returns the name of the type.
func (m *Memory) String() string { return "history.Memory" }

// Format prints String for every verb, as that of a History does.
func (m *Memory) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, m.String()) }
