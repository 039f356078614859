package directory

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// mark begins the escape of a byte in a column of text. PostgreSQL refuses texts with a
// NUL or with bytes that are not UTF-8, but an ID may have any byte, and a description
// may have a NUL. Such a byte is written as mark and two hexadecimal digits, and so is
// each byte of mark itself. Other texts are in the tables as they are.
const mark = "\ufffd"

const nul = mark + "00"

// markEscaped is mark, each byte of it escaped.
const markEscaped = mark + "ef" + mark + "bf" + mark + "bd"

var errEscape = errors.New("U+FFFD without two hexadecimal digits")

// escapeText returns the text that a column has for s.
func escapeText(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") && !strings.Contains(s, mark) {
		return s
	}
	var b strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		r, n = utf8.DecodeRuneInString(s[i:])
		if r != 0 && r != utf8.RuneError {
			b.WriteString(s[i : i+n])
			continue
		}
		for _, one := range []byte(s[i : i+n]) {
			fmt.Fprintf(&b, "%s%02x", mark, one)
		}
	}
	return b.String()
}

// escapePrefix returns a text with which the columns of all texts begin that begin with
// prefix. A part of a character at the end of prefix is left out: in the texts the rest
// of the character may follow.
func escapePrefix(prefix string) string {
	for n := 1; n < utf8.UTFMax && n <= len(prefix); n++ {
		if end := prefix[len(prefix)-n:]; utf8.RuneStart(end[0]) {
			if !utf8.FullRuneInString(end) {
				prefix = prefix[:len(prefix)-n]
			}
			break
		}
	}
	return escapeText(prefix)
}

// unescapeText returns the text that escapeText has escaped.
func unescapeText(s string) (string, error) {
	before, rest, found := strings.Cut(s, mark)
	if !found {
		return s, nil
	}
	var b strings.Builder
	for found {
		b.WriteString(before)
		if len(rest) < 2 {
			return "", errEscape
		}
		one, err := hex.DecodeString(rest[:2])
		if err != nil {
			return "", errEscape
		}
		b.Write(one)
		before, rest, found = strings.Cut(rest[2:], mark)
	}
	return b.String() + before, nil
}

// escapeJSON returns the JSON that a column has for what package encoding/json has
// encoded. The type jsonb refuses \u0000, so a NUL in a string is escaped as in a text.
// Package encoding/json has replaced bytes that are not UTF-8 before.
func escapeJSON(text []byte) string {
	if !bytes.Contains(text, []byte(`\u`)) && !bytes.Contains(text, []byte(mark)) {
		return string(text)
	}
	var b strings.Builder
	for len(text) > 0 {
		n := 1
		switch {
		case bytes.HasPrefix(text, []byte(`\u0000`)):
			b.WriteString(nul)
			n = len(`\u0000`)
		case bytes.HasPrefix(text, []byte(`\ufffd`)):
			b.WriteString(markEscaped)
			n = len(`\ufffd`)
		case bytes.HasPrefix(text, []byte(mark)):
			b.WriteString(markEscaped)
			n = len(mark)
		case text[0] == '\\': // the byte that follows begins no escape
			n = 2
			b.Write(text[:n])
		default:
			b.WriteByte(text[0])
		}
		text = text[n:]
	}
	return b.String()
}

// unescapeJSON returns JSON that package encoding/json decodes to what escapeJSON got.
func unescapeJSON(text string) ([]byte, error) {
	if !strings.Contains(text, mark) {
		return []byte(text), nil
	}
	text = strings.ReplaceAll(text, markEscaped, "\x00") // JSON has no such byte
	text = strings.ReplaceAll(text, nul, `\u0000`)
	if strings.Contains(text, mark) {
		return nil, errEscape
	}
	return []byte(strings.ReplaceAll(text, "\x00", mark)), nil
}
