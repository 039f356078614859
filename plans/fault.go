package plans

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrInvalid is wrapped by every error that reports faults of a file. Nothing was changed
// then, unless the faults arose from changes that others made during an Apply.
var ErrInvalid = errors.New("plans: invalid")

// A Fault is a rule that a file breaks.
type Fault struct {
	File         string // the name that Parse was given
	Line, Column int    // from 1; 0 if they are not known
	Path         string // the field, such as plans[0].quotas[1]; empty for the whole file
	Rule         string // the wrong value and what is wanted instead
}

// String returns "file:line:column: path: rule". It leaves out what is not known.
func (f Fault) String() string {
	var s strings.Builder
	if f.File != "" {
		s.WriteString(f.File + ":")
	}
	if f.Line > 0 {
		fmt.Fprintf(&s, "%d:%d:", f.Line, f.Column)
	}
	if s.Len() > 0 {
		s.WriteByte(' ')
	}
	if f.Path != "" {
		s.WriteString(f.Path + ": ")
	}
	return s.String() + f.Rule
}

// Faults has every fault of a file, in the order of the file. It is an error that wraps
// ErrInvalid.
type Faults []Fault

// A generated file may have one fault thousands of times.
const (
	maxFaults   = 1000 // that are found
	shownFaults = 100  // in the text of an error
)

// Error returns each fault on a line of its own, at most 100 of them.
func (fs Faults) Error() string {
	lines := []string{fmt.Sprintf("%v: %d %s:", ErrInvalid, len(fs), plural("fault", len(fs)))}
	for _, f := range fs[:min(len(fs), shownFaults)] {
		lines = append(lines, f.String())
	}
	if n := len(fs) - shownFaults; n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns ErrInvalid.
func (fs Faults) Unwrap() error { return ErrInvalid }

func plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// A place is where a value of a File stands in its text. path is its path there. An index
// of it may be greater than in the File, which leaves out list elements that have a
// fault.
type place struct {
	line, column int
	path         string
}

// A source is the text that a File was made from: its name, the place of each value, by
// the path in the File, and the faults that are known.
type source struct {
	name   string
	places map[string]place
	faults Faults
	known  map[Fault]bool
	faulty map[string]bool // the Paths of the faults
}

// clone returns a copy to which faults can be added.
func (s *source) clone() source {
	return source{s.name, s.places, slices.Clone(s.faults), maps.Clone(s.known), maps.Clone(s.faulty)}
}

// add adds the fault of a value of the File, unless it is known.
func (s *source) add(path, format string, args ...any) {
	at, rest := s.find(path)
	s.addAt(at, at.path+rest, fmt.Sprintf(format, args...))
}

func (s *source) addAt(at place, path, rule string) {
	f := Fault{File: s.name, Line: at.line, Column: at.column, Path: path, Rule: rule}
	if s.known[f] || len(s.faults) > maxFaults {
		return
	}
	if len(s.faults) == maxFaults {
		f = Fault{File: s.name, Rule: fmt.Sprintf("more than %d faults: there are others", maxFaults)}
	}
	if s.known == nil {
		s.known = map[Fault]bool{}
		s.faulty = map[string]bool{}
	}
	s.known[f] = true
	s.faulty[path] = true
	s.faults = append(s.faults, f)
}

// find returns the place of the value at a path, or that of the nearest value around it
// that has one. rest is the part of the path below it.
func (s *source) find(path string) (at place, rest string) {
	for end := len(path); end > 0; end-- {
		if at, ok := s.places[path[:end]]; ok {
			return at, path[end:]
		}
	}
	return place{}, path
}

// addLines adds faults that a package of this module has found in the record at a path.
// Each line of the error begins with the path of a field within the record.
func (s *source) addLines(record string, err error) {
	for _, line := range lines(err) {
		at, rest := s.find(record + "." + line)
		path := at.path
		if within, rule, found := strings.Cut(rest, ": "); found && isPath(within) {
			path, rest = path+within, rule
		}
		s.addAt(at, path, strings.TrimLeft(rest, ".: "))
	}
}

// isPath reports whether a text is the path of a field below a known one, such as
// ".quotas[0].period" or "".
func isPath(text string) bool {
	return text == "" || strings.HasPrefix(text, ".") && !strings.ContainsAny(text, " ,")
}

// lines returns the lines of an error of this module without the kind of the error.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	text := err.Error()
	if _, rest, found := strings.Cut(text, ": invalid "); found {
		text = rest
	} else if _, rest, found := strings.Cut(text, ": invalid: "); found {
		text = rest
	}
	for _, what := range []string{"plan: ", "group: ", "link: "} {
		text = strings.TrimPrefix(text, what)
	}
	return strings.Split(text, "\n")
}

// err returns the faults in the order of the file, or nil if there are none.
func (s *source) err() error {
	if len(s.faults) == 0 {
		return nil
	}
	sorted := slices.Clone(s.faults)
	slices.SortStableFunc(sorted, func(a, b Fault) int {
		if (a.Line == 0) != (b.Line == 0) {
			return cmp.Compare(b.Line, a.Line) // those without a place come last
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return sorted
}
