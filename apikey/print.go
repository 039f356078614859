package apikey

import (
	"fmt"
	"io"
)

// String is the prefix, and whether there is a Seal.
func (c Config) String() string {
	if c.Seal != nil {
		return fmt.Sprintf("apikey.Config(%q, sealed)", c.KeyFormat.Prefix)
	}
	return fmt.Sprintf("apikey.Config(%q)", c.KeyFormat.Prefix)
}

// Format prints String, whatever the verb. Of a Seal fmt prints the key where the verb is
// none for structs, such as %s.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String is the name of the type.
func (s Service) String() string { return "apikey.Service" }

// Format prints String, whatever the verb, for the reason that Config has.
func (s Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
