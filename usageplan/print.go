package usageplan

import (
	"fmt"
	"io"
)

// String returns the name of the type.
func (s Service) String() string { return "usageplan.Service" }

// Format prints String for every verb. Without it, fmt would read the fields of the
// stores without a lock.
//
// Security: those fields may hold a secret, such as a password.
func (s Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// String returns the name of the type.
func (s Groups) String() string { return "usageplan.Groups" }

// Format prints String for every verb, as that of a Service does.
func (s Groups) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
