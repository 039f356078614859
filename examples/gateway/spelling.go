package main

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ambiguous reports whether servers read a path in different ways. Some servers remove
// dot segments, empty segments and parameters (";a=b"). Some read an encoded slash or a
// backslash as a slash. Some decode twice, or stop at a NUL.
func ambiguous(u *url.URL) bool {
	path := u.Path // decoded once
	if path == "" {
		return false
	}
	if path[0] != '/' || !utf8.ValidString(path) || strings.ContainsAny(path, `\;`) || strings.ContainsFunc(path, unicode.IsControl) {
		return true
	}
	// The decoded path has more slashes if one of them was encoded.
	if strings.Count(path, "/") != strings.Count(u.EscapedPath(), "/") || encoded(path) {
		return true
	}
	segments := strings.Split(path[1:], "/")
	for i, s := range segments {
		// The last segment is empty if the path has a trailing slash, which is fine. A segment
		// of dots and blanks is a dot segment to servers that trim blanks.
		if last := i == len(segments)-1; s == "" && !last || s != "" && strings.Trim(s, ". ") == "" {
			return true
		}
	}
	return false
}

// encoded reports whether a decoded path still contains an encoded byte.
func encoded(path string) bool {
	for i := range len(path) - 2 {
		if path[i] == '%' && isHex(path[i+1]) && isHex(path[i+2]) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// shortened returns the shorter paths that some servers read instead. Some remove dots
// and blanks from the ends of segments. Some end the path at a '?' or '#', even if it was
// encoded.
func shortened(path string) (list []string) {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		list = append(list, path[:i])
	}
	for _, p := range append([]string{path}, list...) {
		segments := strings.Split(p, "/")
		for i, s := range segments {
			segments[i] = strings.TrimRight(s, ". ")
		}
		if trimmed := strings.Join(segments, "/"); trimmed != p {
			list = append(list, trimmed)
		}
	}
	return list
}

// overridden reports whether a header field asks the upstream for another method. Some
// upstreams read a '_' in a name as a '-'.
func overridden(r *http.Request) bool {
	for name, values := range r.Header {
		switch http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")) {
		case "X-Http-Method-Override", "X-Http-Method", "X-Method-Override":
			for _, v := range values {
				if !strings.EqualFold(strings.TrimSpace(v), r.Method) {
					return true
				}
			}
		}
	}
	return false
}
