package apikey

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tags are names and values that people and their tools give to keys and plans; they mean
// nothing to this module. The bounds are those of AWS: at most 50, names of 1 to 128
// characters that do not begin with "aws:", values of up to 256, both of letters, digits,
// spaces and . : + = @ _ / - (Tag naming and usage conventions of the AWS documentation).
type Tags map[string]string

const (
	maxTags     = 50
	maxTagName  = 128
	maxTagValue = 256
)

// Validate reports every fault of t at once; the error wraps ErrInvalid.
func (t Tags) Validate() error { return invalid(t.faults()) }

func (t Tags) faults() error {
	var errs []error
	if len(t) > maxTags {
		errs = append(errs, fmt.Errorf("tags: %d of them: want at most %d", len(t), maxTags))
	}
	for name, value := range t {
		if n := utf8.RuneCountInString(name); n == 0 || n > maxTagName || !taggable(name) || strings.HasPrefix(strings.ToLower(name), "aws:") {
			errs = append(errs, fmt.Errorf("tags: name %.40q: want 1 to %d letters, digits, spaces and .:+=@_/-, not aws: first", name, maxTagName))
		}
		if n := utf8.RuneCountInString(value); n > maxTagValue || !taggable(value) {
			errs = append(errs, fmt.Errorf("tags: value of %.40q: %.40q: want at most %d letters, digits, spaces and .:+=@_/-",
				name, value, maxTagValue))
		}
	}
	return errors.Join(errs...)
}

func taggable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune(".:+=@_/-", r)
	})
}
