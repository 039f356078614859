package middleware

import (
	"net/http"
	"slices"
	"strings"
)

// forwardedHops are the hops in Forwarded.
func forwardedHops(h http.Header, hop func(string) bool) {
	lines := h["Forwarded"]
	for i := len(lines) - 1; i >= 0; i-- {
		for _, node := range slices.Backward(forwardedParam(lines[i], "for")) {
			if !hop(node) {
				return
			}
		}
	}
}

// forwardedParam returns a parameter of each element of a Forwarded line. It is empty for
// an element without one.
//
// Security: a proxy appends its element to what the client has sent. With a quote that it
// does not close, a client could hide that element in a quoted string of its own. So a
// line of which any part is malformed says nothing at all.
//
// An element without the parameter ends the search, so those before it are dropped. A
// line of commas takes no memory.
func forwardedParam(line, name string) (values []string) {
	found, named, more := "", false, true
	for more {
		var param string
		var sep byte
		if param, sep, line, more = nextParam(line); sep == malformed {
			return []string{""}
		}
		key, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			if named { // a parameter may be there once (RFC 7239 section 4)
				return []string{""}
			}
			found, named = unquote(strings.TrimSpace(value)), true
		}
		if sep == ',' {
			if found == "" {
				values = values[:0]
			}
			values = append(values, found)
			found, named = "", false
		}
	}
	return values
}

// malformed is what nextParam returns in place of a separator.
const malformed = '"'

// nextParam cuts the first parameter off a Forwarded line. It returns what separates that
// from the rest: ';', or ',' after the last parameter of an element and at the end of the
// line. A value is a token or a quoted string (RFC 9110 section 5.6.4), and no part of it
// may be quoted only.
func nextParam(line string) (param string, sep byte, rest string, more bool) {
	end := strings.IndexAny(line, `,;"`)
	if end >= 0 && line[end] == '"' {
		if before := strings.TrimRight(line[:end], " \t"); before == "" || before[len(before)-1] != '=' {
			return "", malformed, "", false
		}
		for end++; end < len(line) && line[end] != '"'; end++ {
			if line[end] == '\\' {
				end++
			}
		}
		if end >= len(line) {
			return "", malformed, "", false
		}
		for end++; end < len(line) && (line[end] == ' ' || line[end] == '\t'); end++ {
		}
		if end == len(line) {
			end = -1
		} else if line[end] != ',' && line[end] != ';' {
			return "", malformed, "", false
		}
	}
	if end < 0 {
		return line, ',', "", false
	}
	return line[:end], line[end], line[end+1:], true
}

// unquote returns the content of a quoted string, or s if s is not one.
func unquote(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `\`, "")
	}
	return s
}
