package apikey

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is the secret of a key: what a client sends to say who it is. The conversion
// string(s) is its value, and on purpose the only way to it: everything that prints, logs
// or marshals a Secret gets a hint such as "acme_…Xy3Z", which is the prefix and the last
// four characters (of the checksum), or "…" if the value is not of the form that
// Format.New makes.
//
// Go offers no hook in five places, so keep a Secret out of them: the fmt verbs %p and
// %w, unexported struct fields that fmt prints, map keys that encoding/json writes, the
// built-in print and println, and whatever reads values by reflection. Best is a local
// variable.
//
// Unmarshalling sets the value, so a Secret can be read from a configuration, and it does
// not survive a round trip.
type Secret string

// String is the hint.
func (s Secret) String() string {
	if (Format{}).Check(string(s)) != nil {
		return "…"
	}
	return string(s[:len(s)-randomLen-sumLen]) + "…" + string(s[len(s)-4:])
}

// GoString is the hint, for packages that print values as Go does.
func (s Secret) GoString() string { return s.String() }

// Format prints the hint, whatever the verb and its flags.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is the hint, for package log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is the hint, for encoding/json and its like. The error is always nil.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
