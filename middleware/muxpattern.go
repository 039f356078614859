package middleware

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A muxPattern is a pattern of any router, translated for http.ServeMux, so that a
// ServeMux can tell which requests it matches. Its wildcards have lost their names.
type muxPattern struct {
	method, host, path string
}

// muxPatternOf translates a pattern. It returns false if that is impossible, for example
// for a regular expression. If exact is true, the pattern is not from a ServeMux: a slash
// at its end means that very path, and not a subtree.
func muxPatternOf(pattern string, exact bool) (p muxPattern, ok bool) {
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 {
		return p, false
	}
	head := strings.Fields(pattern[:slash])
	if blank := strings.IndexAny(pattern[:slash], " \t"); blank >= 0 && len(head) > 0 {
		p.method, head = head[0], head[1:]
	}
	if len(head) > 0 {
		p.host = head[0]
	}
	segments := strings.Split(pattern[slash+1:], "/")
	for i, s := range segments {
		if segments[i], ok = segmentOf(s, i, i == len(segments)-1); !ok {
			return p, false
		}
	}
	p.path = "/" + strings.Join(segments, "/")
	if exact && strings.HasSuffix(p.path, "/") {
		p.path += "{$}"
	}
	return p, parsePattern(p.String()) == nil
}

// segmentOf translates a segment of a pattern of ServeMux, chi, gin or echo. Names of
// wildcards become "w" and the position of the segment.
func segmentOf(s string, at int, last bool) (string, bool) {
	const rest = "{w...}"
	switch {
	case s == "{$}" || s == "":
		return s, true
	case last && (s[0] == '*' || s[0] == '{' && strings.HasSuffix(s, "...}")):
		return rest, true
	case s[0] == ':' || s[0] == '{' && strings.IndexByte(s, '}') == len(s)-1 && !strings.Contains(s, ":"):
		return "{w" + strconv.Itoa(at) + "}", true
	}
	return s, !strings.ContainsAny(s, "{}*")
}

// String returns the pattern as a ServeMux takes it.
func (p muxPattern) String() string {
	if p.method == "" {
		return p.host + p.path
	}
	return p.method + " " + p.host + p.path
}

// prefix returns a prefix that the paths of all requests have that p matches.
func (p muxPattern) prefix() string {
	if i := strings.IndexAny(p.path, "{%"); i >= 0 {
		return p.path[:i]
	}
	return p.path
}

// deepest is the maximum number of segments that samples adds below a subtree.
const deepest = 4

// samples returns requests that p matches. They stand for all such requests, in two ways.
// A pattern that matches each of them matches whatever p matches. And a mux with p takes
// at least one of them for p, unless it has a more specific pattern for each.
func (p muxPattern) samples(method string) (list []*http.Request) {
	const some = "ration-sample"
	segments := strings.Split(p.path[1:], "/")
	open := false
	for i, s := range segments {
		switch {
		case s == "{w...}" || s == "" && i == len(segments)-1:
			segments[i], open = "", true
		case s == "{$}":
			segments[i] = ""
		case strings.HasPrefix(s, "{"):
			segments[i] = some
		}
	}
	path := "/" + strings.Join(segments, "/")
	for n := 0; n == 0 || open && n <= deepest; n++ {
		if n > 1 {
			path += "/"
		}
		if n > 0 {
			path += some
		}
		plain, err := url.PathUnescape(path)
		if err != nil {
			return nil
		}
		list = append(list, &http.Request{Method: method, Host: p.host, URL: &url.URL{Path: plain, RawPath: path}})
	}
	return list
}
