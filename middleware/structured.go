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
	return appendInt(append(b, name...), min(n, maxInteger))
}

// appendInt appends n in decimal. If b has room, it writes the digits in place. That
// takes half the time of strconv.AppendInt, which writes them elsewhere and copies them.
// It saves 10ns for a request with two limits.
func appendInt(b []byte, n int64) []byte {
	digits := 1
	for p := int64(10); p <= n; p *= 10 {
		digits++
	}
	if n < 0 || cap(b)-len(b) < digits {
		return strconv.AppendInt(b, n, 10)
	}
	b = b[:len(b)+digits]
	for i := len(b) - 1; digits > 0; i, digits = i-1, digits-1 {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
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
