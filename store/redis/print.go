package redis

import (
	"fmt"
	"io"
)

// String returns the prefix of the Store's keys. It shows nothing of the server or its
// password.
func (s *Store) String() string {
	if s == nil {
		return "redis.Store(nil)"
	}
	return fmt.Sprintf("redis.Store(%q)", s.prefix)
}

// Format prints String for every verb. By default fmt would print all fields, and read
// them without locks.
func (s *Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
