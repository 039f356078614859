package memory

import (
	"fmt"
	"io"
)

// String returns "memory.Store".
func (s *Store) String() string { return "memory.Store" }

// Format writes String, whatever the verb.
//
// Security: without it, fmt would print every key and subject that the Store holds, and
// would read them without a lock.
func (s *Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
