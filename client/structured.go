package client

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// kind is the type of a bare item of a structured field (RFC 9651 section 3.3).
type kind byte

const (
	none    kind = iota
	integer      // in number
	text         // a String or a Token, in text
	bytes        // a Byte Sequence, in text
	other        // a Decimal, Boolean, Date or Display String; its value is not used
)

// bare is a bare item.
type bare struct {
	kind   kind
	number int64
	text   string
}

// item is a member of a List: a bare item and its parameters.
type item struct {
	bare
	params map[string]bare
}

// integer returns the parameter with that name if it is an Integer of 0 or more.
func (it *item) integer(name string) (n int64, ok bool) {
	p := it.params[name]
	return p.number, p.kind == integer && p.number >= 0
}

const (
	maxField   = 8 << 10 // bytes of a field that are read at most
	maxMembers = 64
)

// scanner reads a structured field by RFC 9651 section 4.2. After the first fault, ok is
// false.
type scanner struct {
	rest string
	ok   bool
}

// parseItems parses a List of Items. A field with an inner list or with any fault is
// ignored as a whole, so ok is false.
func parseItems(field string) (items []item, ok bool) {
	if len(field) > maxField {
		return nil, false
	}
	s := scanner{strings.Trim(field, " "), true}
	for s.rest != "" {
		items = append(items, s.item())
		if s.skip(" \t"); !s.ok || s.rest == "" {
			break
		}
		if !s.take(',') || len(items) == maxMembers {
			return nil, false
		}
		if s.skip(" \t"); s.rest == "" {
			return nil, false // a comma at the end
		}
	}
	return items, s.ok
}

func (s *scanner) item() item {
	it := item{bare: s.bare()}
	for s.ok && s.take(';') {
		s.skip(" ")
		key := s.key()
		value := bare{kind: other} // a parameter without a value is true
		if s.take('=') {
			value = s.bare()
		}
		if it.params == nil {
			it.params = map[string]bare{}
		}
		it.params[key] = value
	}
	return it
}

// key reads the name of a parameter.
func (s *scanner) key() string {
	if s.rest == "" || !lower(s.rest[0]) && s.rest[0] != '*' {
		s.ok = false
		return ""
	}
	return s.while(func(c byte) bool { return lower(c) || digit(c) || strings.IndexByte("_-.*", c) >= 0 })
}

func (s *scanner) bare() bare {
	if s.rest == "" {
		s.ok = false
		return bare{}
	}
	switch c := s.rest[0]; {
	case c == '"':
		return bare{kind: text, text: s.string()}
	case c == '-' || digit(c):
		return s.numeral()
	case c == ':':
		return bare{kind: bytes, text: s.bytes()}
	case c == '*' || letter(c):
		return bare{kind: text, text: s.while(tokenChar)}
	case c == '?':
		s.ok = strings.HasPrefix(s.rest, "?0") || strings.HasPrefix(s.rest, "?1")
		s.rest = s.rest[min(2, len(s.rest)):]
	case c == '@':
		s.rest = s.rest[1:]
		s.ok = s.numeral().kind == integer
	case strings.HasPrefix(s.rest, `%"`):
		s.rest = s.rest[1:]
		s.string()
	default:
		s.ok = false
	}
	return bare{kind: other}
}

func (s *scanner) string() string {
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String()
		case c < ' ' || c > '~':
			s.ok = false
			return ""
		case c != '\\':
			b.WriteByte(c)
		default:
			i++
			if i == len(s.rest) || s.rest[i] != '"' && s.rest[i] != '\\' {
				s.ok = false
				return ""
			}
			b.WriteByte(s.rest[i])
		}
	}
	s.ok = false
	return ""
}

// numeral reads an Integer or a Decimal.
func (s *scanner) numeral() bare {
	sign := ""
	if s.take('-') {
		sign = "-"
	}
	whole := s.while(digit)
	if whole == "" || len(whole) > 15 {
		s.ok = false
		return bare{}
	}
	if s.take('.') {
		fraction := s.while(digit)
		s.ok = s.ok && len(whole) <= 12 && len(fraction) >= 1 && len(fraction) <= 3
		return bare{kind: other}
	}
	n, err := strconv.ParseInt(sign+whole, 10, 64)
	s.ok = s.ok && err == nil
	return bare{kind: integer, number: n}
}

func (s *scanner) bytes() string {
	value, rest, found := strings.Cut(s.rest[1:], ":")
	s.rest = rest
	// Pad bits are not checked: the draft's own examples have some that are not zero.
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	s.ok = s.ok && found && err == nil
	return string(raw)
}

// while reads the characters for which match is true.
func (s *scanner) while(match func(byte) bool) string {
	n := 0
	for n < len(s.rest) && match(s.rest[n]) {
		n++
	}
	read := s.rest[:n]
	s.rest = s.rest[n:]
	return read
}

// take reads the character c if it is next.
func (s *scanner) take(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) skip(chars string) { s.rest = strings.TrimLeft(s.rest, chars) }

func lower(c byte) bool  { return 'a' <= c && c <= 'z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
func letter(c byte) bool { return lower(c) || 'A' <= c && c <= 'Z' }

func tokenChar(c byte) bool {
	return letter(c) || digit(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0
}
