package apikey

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tags holds names and values that people and their tools give to keys and plans. Tags
// have no effect in this module.
//
// The bounds are those of "Tag naming and usage conventions" in the AWS documentation:
//
//   - at most 50 tags
//   - names of 1 to 128 characters that do not begin with "aws:"
//   - values of at most 256 characters
//   - letters, digits, spaces and . : + = @ _ / - in both
type Tags map[string]string

const (
	maxTags     = 50
	maxTagName  = 128
	maxTagValue = 256
)

// Validate reports every fault of t at once. The error wraps ErrInvalid.
func (t Tags) Validate() error { return invalid(t.faults()) }

func (t Tags) faults() error {
	var errs []error
	if len(t) > maxTags {
		errs = append(errs, fmt.Errorf("tags: %d of them: want at most %d", len(t), maxTags))
	}
	for name, value := range t {
		if n := utf8.RuneCountInString(name); n == 0 || n > maxTagName || !taggable(name) || strings.HasPrefix(strings.ToLower(name), "aws:") {
			errs = append(errs, fmt.Errorf("tags: name %.40q: want 1 to %d letters, digits, spaces and .:+=@_/-, and no aws: at the start", name, maxTagName))
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
