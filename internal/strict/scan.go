package strict

import (
	"encoding/json"
	"strconv"
	"strings"
)

// scanner scans JSON that encoding/json has accepted, so it does not check the syntax. It
// exists because json.Decoder.Token takes four times as long as decoding, and every
// record of a store is decoded.
type scanner struct {
	text    string
	at      int
	structs []string // see Unmarshal
}

// A role says what the names in an object are.
type role int

const (
	other   role = iota // those of a map, or of a type that decodes itself
	top                 // fields of the struct
	maps                // those of a map of structs
	structs             // fields of a struct in such a map
)

// of returns the role of the value of a member.
func (r role) of(name string, withStructs []string) role {
	switch r {
	case top:
		for _, n := range withStructs {
			if strings.EqualFold(n, name) {
				return maps
			}
		}
	case maps:
		return structs
	}
	return other
}

// fault is a rule that a value breaks, and the path of the value. The path grows from its
// end while the calls return.
type fault struct{ path, rule string }

func (f *fault) Error() string {
	if f.path == "" {
		return f.rule
	}
	return strings.TrimPrefix(f.path, ".") + ": " + f.rule
}

// value scans a value and the blanks before it.
func (s *scanner) value(r role) *fault {
	s.blanks()
	switch s.text[s.at] {
	case '{':
		return s.members(r)
	case '[':
		return s.elements()
	case '"':
		s.quoted()
	case 'n':
		if r == top {
			return &fault{"", "null: want an object"}
		}
		return &fault{"", "null: want a value, or no such member"}
	default: // true, false or a number
		s.at = s.until(" \t\r\n,]}")
	}
	return nil
}

func (s *scanner) members(r role) *fault {
	var seen names
	for s.next('}') {
		name := meaning(s.quoted())
		if seen.has(name, r == top || r == structs) {
			return &fault{"." + name, "there twice: want it once"}
		}
		s.blanks()
		s.at++ // the colon
		if f := s.value(r.of(name, s.structs)); f != nil {
			f.path = "." + name + f.path
			return f
		}
	}
	return nil
}

func (s *scanner) elements() *fault {
	for i := 0; s.next(']'); i++ {
		if f := s.value(other); f != nil {
			f.path = "[" + strconv.Itoa(i) + "]" + f.path
			return f
		}
	}
	return nil
}

// next moves to the next member or element. It returns false, and moves behind the
// closing bracket, if there is none.
func (s *scanner) next(closing byte) bool {
	s.blanks()
	if s.text[s.at] != closing {
		s.at++ // the opening bracket or a comma
		s.blanks()
	}
	if s.text[s.at] != closing {
		return true
	}
	s.at++
	return false
}

func (s *scanner) blanks() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

// until returns the index of the first of the characters, or of the end.
func (s *scanner) until(characters string) int {
	if i := strings.IndexAny(s.text[s.at:], characters); i >= 0 {
		return s.at + i
	}
	return len(s.text)
}

// quoted scans a string and returns it with its quotes.
func (s *scanner) quoted() string {
	begin := s.at
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
	return s.text[begin:s.at]
}

// meaning returns a quoted string as encoding/json decodes it.
func meaning(quoted string) string {
	for i := range len(quoted) {
		if c := quoted[i]; c == '\\' || c >= 0x80 {
			var text string
			// cannot fail, since the string was decoded before
			_ = json.Unmarshal([]byte(quoted), &text)
			return text
		}
	}
	return quoted[1 : len(quoted)-1]
}
