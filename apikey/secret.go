package apikey

import (
	"fmt"
	"io"
	"log/slog"
)

// A Secret is the secret of a key, which a client sends to identify itself.
//
// The conversion string(s) returns the value, and nothing else does. Code that prints,
// logs or marshals a Secret gets a hint such as "acme_…Xy3Z": the prefix and the last
// four characters, which belong to the checksum. The hint is "…" for a value that does
// not have the form of Format.New.
//
// Security: Go has no hook in five places, which show the whole value. Keep a Secret out
// of them, best in a local variable:
//
//   - the fmt verbs %p and %w
//   - unexported struct fields that fmt prints
//   - map keys that encoding/json writes
//   - the built-in functions print and println
//   - code that reads values by reflection
//
// Unmarshalling sets the value, so a Secret can be read from a configuration. Marshalling
// writes the hint, so a Secret does not survive a round trip.
type Secret string

// String returns the hint.
func (s Secret) String() string {
	if (Format{}).Check(string(s)) != nil {
		return "…"
	}
	return string(s[:len(s)-randomLen-sumLen]) + "…" + string(s[len(s)-4:])
}

// GoString returns the hint, for packages that print values in Go syntax.
func (s Secret) GoString() string { return s.String() }

// Format prints the hint for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue returns the hint, for package log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText returns the hint, for packages such as encoding/json. The error is always
// nil.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
