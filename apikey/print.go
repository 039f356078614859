package apikey

import (
	"fmt"
	"io"
)

// String returns the prefix, and whether there is a Seal.
func (c Config) String() string {
	if c.Seal != nil {
		return fmt.Sprintf("apikey.Config(%q, sealed)", c.KeyFormat.Prefix)
	}
	return fmt.Sprintf("apikey.Config(%q)", c.KeyFormat.Prefix)
}

// Format prints String for every verb.
//
// Security: without Format, fmt would print the key inside a Seal for some verbs, such as
// %s.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String returns the name of the type.
func (s Service) String() string { return "apikey.Service" }

// Format prints String for every verb, because a Service holds the Seal of its Config.
func (s Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
