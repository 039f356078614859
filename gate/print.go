package gate

import (
	"fmt"
	"io"
)

// String returns the name of the type.
func (g *Gate) String() string { return "gate.Gate" }

// Format prints String, whatever the verb. What fmt would print is read without locks,
// and may be a secret of a store.
func (g *Gate) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, g.String()) }
