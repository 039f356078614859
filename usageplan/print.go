package usageplan

import (
	"fmt"
	"io"
)

// String is the name of the type.
func (s Service) String() string { return "usageplan.Service" }

// Format prints String, whatever the verb. What fmt would print is read without locks,
// and may be a secret of a store.
func (s Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
