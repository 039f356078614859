package postgres

import (
	"strings"
	"unicode/utf8"
)

// escape begins a byte that a column of text cannot have as it is.
const escape = '\\'

// escapeText returns the text that a column has for a subject or a name. PostgreSQL
// refuses texts with a NUL or with bytes that are not UTF-8, but a subject may have any
// byte. Such a byte is written as a backslash and two hexadecimal digits, and so is a
// backslash. Other texts are in the tables as they are, so that people can read them and
// join by them.
//
// An escaped byte takes three. So the longest subject with the longest name still fits
// into an entry of an index, which may have 2,704 bytes.
func escapeText(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\\") {
		return s
	}
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		if r == 0 || r == escape || r == utf8.RuneError && n == 1 {
			b.Write([]byte{escape, digits[s[i]>>4], digits[s[i]&15]})
		} else {
			b.WriteString(s[i : i+n])
		}
	}
	return b.String()
}

// unescapeText returns the subject or the name that a column has. An escape that is not
// one, which somebody has written by hand, is left as it is.
func unescapeText(s string) string {
	if strings.IndexByte(s, escape) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == escape && i+2 < len(s) {
			if high, low := digitOf(s[i+1]), digitOf(s[i+2]); high >= 0 && low >= 0 {
				b.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// digitOf returns the value of a hexadecimal digit, or -1.
func digitOf(c byte) int { return strings.IndexByte("0123456789abcdef", c) }
