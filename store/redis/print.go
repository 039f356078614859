package redis

import (
	"fmt"
	"io"
)

// String is the prefix of the Store's keys, and nothing of the server or its password.
func (s *Store) String() string {
	if s == nil {
		return "redis.Store(nil)"
	}
	return fmt.Sprintf("redis.Store(%q)", s.prefix)
}

// Format prints String, whatever the verb. What else fmt would print is long, and read
// without locks.
func (s *Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
