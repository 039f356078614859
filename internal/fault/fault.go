// Package fault reports bad input: all faults in one error, each on a line of its own,
// and each with the whole path of its field.
package fault

import (
	"errors"
	"strings"
)

// report is all faults of one value.
type report struct {
	kind   error
	what   string
	faults []error
}

// Report returns an error with all faults of a value, nil if there are none; a nil fault
// is none. The error wraps kind and every fault. Its text is "kind what: fault", and a
// line for each further fault.
func Report(kind error, what string, faults ...error) error {
	var found []error
	for _, f := range faults {
		if f != nil { // Unwrap must not return a nil error
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &report{kind, what, found}
}

// Error returns the kind and the name of the value once, and all faults.
func (r *report) Error() string {
	s := r.kind.Error()
	if r.what != "" {
		s += " " + r.what
	}
	return s + ": " + r.lines()
}

func (r *report) lines() string { return errors.Join(r.faults...).Error() }

// Unwrap returns the kind and the faults.
func (r *report) Unwrap() []error { return append([]error{r.kind}, r.faults...) }

// nested is an error in a field of a greater value.
type nested struct {
	error
	text string
}

// Error returns the path and the rule of each fault.
func (n *nested) Error() string { return n.text }

// Unwrap returns the error as the field's own value has it.
func (n *nested) Unwrap() error { return n.error }

// In returns the faults of a field as faults of the value that has the field: every line
// of a Report begins with the field, and the kind is no longer in the text, though
// errors.Is finds it. Any other error becomes "field: error". The empty field adds
// nothing. In of nil is nil.
func In(field string, err error) error {
	r, ok := err.(*report)
	switch {
	case err == nil:
		return nil
	case !ok && field == "":
		return err
	case !ok:
		return &nested{err, field + ": " + err.Error()}
	}
	var text strings.Builder
	for line := range strings.Lines(r.lines()) {
		text.WriteString(field)
		if field != "" && !strings.HasPrefix(line, "[") {
			text.WriteByte('.')
		}
		text.WriteString(line)
	}
	return &nested{err, text.String()}
}
