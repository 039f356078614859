package middleware

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ration-go/ration/gate"
)

// maxInteger is the largest Integer of a structured field (RFC 9651 section 3.3.1).
const maxInteger = 999_999_999_999_999

// appendParam appends a parameter whose value is an Integer. The name includes its ";"
// and "=".
func appendParam(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), min(n, maxInteger), 10)
}

// appendString appends s as a String (RFC 9651 section 3.3.3). All characters of s must
// be visible ASCII characters or spaces.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// policyName returns the name of a limit as clients see it. Bytes that a String cannot
// hold are percent-encoded.
func policyName(l *gate.Limit) string {
	if visible(l.Name, ' ') {
		return l.Name
	}
	var b strings.Builder
	for _, c := range []byte(l.Name) {
		if ' ' <= c && c <= '~' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
