// Package fault reports bad input. It puts all faults into one error, each on its own
// line and with the whole path of its field.
package fault

import (
	"errors"
	"strings"
)

// report holds all faults of one value.
type report struct {
	kind   error
	what   string
	faults []error
}

// Report returns an error with all faults of a value. It ignores nil faults, and returns
// nil if there are no others. The error wraps kind and every fault. Its text is "kind
// what: fault", with a further line for each further fault.
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

// Error returns the kind and the name of the value once, then all faults.
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

// nested is an error in a field of an enclosing value.
type nested struct {
	error
	text string
}

// Error returns the path and the rule of each fault.
func (n *nested) Error() string { return n.text }

// Unwrap returns the error without the field's path.
func (n *nested) Unwrap() error { return n.error }

// In returns the faults of a field as faults of the value that has the field. Every line
// of a Report then begins with the field. The text no longer contains the kind, but
// errors.Is still finds it. Any other error becomes "field: error". An empty field adds
// nothing. In returns nil for a nil error.
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
