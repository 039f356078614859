package middleware

import (
	"fmt"
	"math/bits"
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

// pairs has the two digits of each number below 100.
const pairs = "0001020304050607080910111213141516171819" +
	"2021222324252627282930313233343536373839" +
	"4041424344454647484950515253545556575859" +
	"6061626364656667686970717273747576777879" +
	"8081828384858687888990919293949596979899"

// appendInt appends n in decimal. If b has room, it writes the digits in place, four at a
// time. strconv.AppendInt writes them to a buffer of its own, two at a time, and copies
// that buffer.
func appendInt(b []byte, n int64) []byte {
	digits := decimals(uint64(n))
	if n < 0 || cap(b)-len(b) < digits {
		return strconv.AppendInt(b, n, 10)
	}
	b = b[:len(b)+digits]
	at, rest := len(b), uint64(n)
	for ; digits > 4; digits -= 4 {
		at -= 4
		four := uint32(rest % 10000)
		rest /= 10000
		high, low := four/100*2, four%100*2
		d := b[at : at+4]
		d[0], d[1], d[2], d[3] = pairs[high], pairs[high+1], pairs[low], pairs[low+1]
	}
	for first := uint32(rest); digits > 0; digits-- {
		at--
		b[at] = byte('0' + first%10)
		first /= 10
	}
	return b
}

// decimals returns the number of decimal digits of n. 1233/4096 is a little less than the
// logarithm of 2 to base 10, so the length of n in bits gives that number or one less.
func decimals(n uint64) int {
	n |= 1 // 0 has one digit, and no other number gets more digits
	digits := bits.Len64(n) * 1233 >> 12
	if n >= powers[digits] {
		digits++
	}
	return digits
}

// powers has the powers of 10 that a uint64 can hold.
var powers = [20]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
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
