// Package routename translates the patterns of routers into the names that plans have for
// routes. The names have the syntax of http.ServeMux: "GET /reports/{id}" and
// "GET /files/{path...}".
package routename

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
)

// rest is the name of a wildcard for the rest of a path that its router gives no name.
const rest = "path"

// Of returns the name of a pattern of any router. The text before the first slash, a
// method or a host, stays as it is. Of translates these segments:
//
//   - ":id" becomes "{id}".
//   - "{id:[0-9]+}" becomes "{id}", also as a part of a segment.
//   - "*path" becomes "{path...}" if it is the last segment, and "*" does, too.
//   - "{path+}", as AWS writes it, becomes "{path...}" if it is the last segment.
//
// A colon inside a segment stays, because "/tasks:cancel" is a path in most routers. Of
// leaves a name that it has returned as it is.
func Of(pattern string) string {
	if !strings.ContainsAny(pattern, ":*+") {
		return pattern
	}
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 {
		return pattern
	}
	var b strings.Builder
	b.WriteString(pattern[:slash])
	for path := pattern[slash:]; path != ""; {
		b.WriteByte('/')
		segment, after := cut(path[1:])
		b.WriteString(ofSegment(segment, after == ""))
		path = after
	}
	return b.String()
}

// cut returns the first segment of a path, and the rest, which begins with a slash or is
// empty. A slash in braces belongs to a regular expression.
func cut(path string) (segment, after string) {
	depth := 0
	for i := range len(path) {
		switch path[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth <= 0 {
				return path[:i], path[i:]
			}
		}
	}
	return path, ""
}

func ofSegment(s string, last bool) string {
	braces := strings.ContainsAny(s, "{}")
	if name, ok := strings.CutPrefix(s, ":"); ok && !braces && variable(name) != "" {
		return "{" + variable(name) + "}"
	}
	if name, ok := strings.CutPrefix(s, "*"); ok && last && !braces && !strings.Contains(name, "*") {
		return "{" + cmp.Or(variable(name), rest) + "...}"
	}
	s = withoutExpressions(s)
	if last {
		return fromGreedy(s)
	}
	return s
}

// variable returns the name of a variable that a colon or a star begins. The name ends
// before a second colon and before a plus: in braces these have a meaning of their own,
// so that Of would change a name that has them.
func variable(name string) string {
	if end := strings.IndexAny(name, ":+"); end >= 0 {
		return name[:end]
	}
	return name
}

// fromGreedy replaces AWS's greedy variable {proxy+} by the form of http.ServeMux,
// {proxy...}.
func fromGreedy(segment string) string {
	name, greedy := strings.CutSuffix(segment, "+}")
	name, braced := strings.CutPrefix(name, "{")
	if !greedy || !braced || name == "" || strings.ContainsFunc(name, notInVariable) {
		return segment
	}
	return "{" + name + "...}"
}

// notInVariable reports whether the name of a greedy variable must not have c.
func notInVariable(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("._-", c))
}

// withoutExpressions removes the regular expressions from the variables of a segment.
func withoutExpressions(s string) string {
	var b strings.Builder
	depth, skip := 0, false
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '{':
			depth++
		case c == '}':
			depth--
			skip = skip && depth > 0
		case c == ':' && depth == 1:
			skip = true
		}
		if !skip {
			b.WriteByte(c)
		}
	}
	if depth != 0 { // the braces are not variables
		return s
	}
	return b.String()
}

// OfColons returns the path of a pattern of httprouter, gin or echo. There a colon begins
// a variable anywhere in a segment, and a star begins the rest of the path.
func OfColons(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path) && path[i+1] == ':':
			WriteLiteral(&b, ':')
			i += 2
		case c == ':' && variable(path[i+1:end(path, i)]) != "":
			WriteVariable(&b, variable(path[i+1:end(path, i)]))
			i = end(path, i)
		case c == '*':
			WriteVariable(&b, cmp.Or(variable(path[i+1:]), rest)+"...")
			i = len(path)
		default:
			WriteLiteral(&b, c)
			i++
		}
	}
	return b.String()
}

// WriteLiteral writes a byte of a pattern that is not a part of a variable. What Of would
// take for one is percent-encoded, as in a pattern of http.ServeMux.
//
// Security: otherwise the route would have the name of another, with its limits.
func WriteLiteral(b *strings.Builder, c byte) {
	begins := strings.HasSuffix(b.String(), "/")
	if c == '{' || c == '}' || begins && (c == ':' || c == '*') {
		fmt.Fprintf(b, "%%%02X", c)
	} else {
		b.WriteByte(c)
	}
}

// WriteVariable writes a variable. A router may accept braces in the name.
func WriteVariable(b *strings.Builder, name string) {
	b.WriteString("{" + strings.NewReplacer("{", "_", "}", "_").Replace(name) + "}")
}

// end returns where the segment that has the byte at i ends.
func end(path string, i int) int {
	if n := strings.IndexByte(path[i:], '/'); n >= 0 {
		return i + n
	}
	return len(path)
}

// A Cache remembers the translations of the patterns of one router, which has a bounded
// number of them. It is safe for concurrent use.
type Cache struct {
	Translate func(path string) string

	known sync.Map // translations by path
}

// Of returns the name of a method and a path. It returns "" if the path is empty.
func (c *Cache) Of(method, path string) string {
	if path == "" {
		return ""
	}
	known, ok := c.known.Load(path)
	if !ok {
		known, _ = c.known.LoadOrStore(path, c.Translate(path))
	}
	if method == "" {
		return known.(string)
	}
	return method + " " + known.(string)
}
