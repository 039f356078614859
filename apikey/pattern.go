package apikey

import (
	"cmp"
	"fmt"
)

// Pattern returns a regular expression that matches the secrets which New creates, and
// nothing that is shorter. It is for secret scanners, and uses only what all of their
// engines have. Package leak makes rules of it.
//
// The pattern has no boundaries, because a secret is often found beside letters: after
// "%3D" in a URL, or between the underscores of Markdown. A scanner that knows what comes
// after a match should refuse a letter or a digit there.
//
// Caution: without a Prefix of its own, a service shares "key_" with others, and scanners
// cannot tell to which service a secret belongs.
func (f Format) Pattern() string {
	return cmp.Or(f.Prefix, defaultPrefix) + fmt.Sprintf("_[0-9A-Za-z]{%d}", randomLen+sumLen)
}

// HasOwnPrefix reports whether the Prefix can tell the secrets of a service from those of
// others. It cannot if it is empty, or the one that New uses then.
func (f Format) HasOwnPrefix() bool { return f.Prefix != "" && f.Prefix != defaultPrefix }
