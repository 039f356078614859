package memory

import (
	"fmt"
	"io"
)

// String is the name of the type.
func (s *Store) String() string { return "memory.Store" }

// Format prints String, whatever the verb. What fmt would print is read without locks,
// and is all that the Store holds.
func (s *Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
