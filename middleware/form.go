package middleware

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// form is a pattern of any router in parts, and in the words of http.ServeMux, so that a
// ServeMux can tell which requests it is for. Wildcards have lost their names.
type form struct {
	method, host, path string
}

// formOf returns the form of a pattern; false if there is none, as of a regular
// expression. An exact pattern with a slash at its end is that path alone: only ServeMux
// takes it for a subtree.
func formOf(pattern string, exact bool) (f form, ok bool) {
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 {
		return f, false
	}
	head := strings.Fields(pattern[:slash])
	if blank := strings.IndexAny(pattern[:slash], " \t"); blank >= 0 && len(head) > 0 {
		f.method, head = head[0], head[1:]
	}
	if len(head) > 0 {
		f.host = head[0]
	}
	segments := strings.Split(pattern[slash+1:], "/")
	for i, s := range segments {
		if segments[i], ok = segmentOf(s, i, i == len(segments)-1); !ok {
			return f, false
		}
	}
	f.path = "/" + strings.Join(segments, "/")
	if exact && strings.HasSuffix(f.path, "/") {
		f.path += "{$}"
	}
	return f, parsePattern(f.pattern()) == nil
}

// segmentOf returns a segment of a pattern of ServeMux, chi, gin or echo in the words of
// ServeMux.
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

// pattern returns f as a ServeMux takes it.
func (f form) pattern() string {
	if f.method == "" {
		return f.host + f.path
	}
	return f.method + " " + f.host + f.path
}

// prefix returns what the paths of all requests begin with that f is for.
func (f form) prefix() string {
	if i := strings.IndexAny(f.path, "{%"); i >= 0 {
		return f.path[:i]
	}
	return f.path
}

// deepest is the most segments of the samples of a subtree.
const deepest = 4

// samples returns requests that f is for. They stand for all of them: a pattern that is
// for each of them is for whatever f is for, and where a mux has f, at least one of them
// gets there, unless the mux has a more specific pattern for each.
func (f form) samples(method string) (list []*http.Request) {
	const some = "ration-sample"
	segments := strings.Split(f.path[1:], "/")
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
		list = append(list, &http.Request{Method: method, Host: f.host, URL: &url.URL{Path: plain, RawPath: path}})
	}
	return list
}
