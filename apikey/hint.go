package apikey

import (
	"errors"
	"fmt"
	"strings"
)

// The reasons for which a Format refuses all secrets with a hint.
var (
	errNoHint    = errors.New("its form is not known, because only its digest was imported")
	errOtherForm = errors.New("it does not have the form of Format.New")
)

// CheckHint returns why Check refuses the secret that has a hint, or nil if it may accept
// it. The hint is that of Key.Hint. So the keys of a store can be audited before their
// clients are refused: a Service with another Format may have created or imported them.
//
// A hint does not tell whether a secret has a tag. An empty one belongs to a key of
// Service.ImportDigest, and is an error unless f.AcceptForeign is set.
func (f Format) CheckHint(hint string) error {
	prefix, _, own := strings.Cut(hint, "_…")
	switch {
	case f.AcceptForeign:
		return nil
	case hint == "":
		return errNoHint
	case !own:
		return errOtherForm
	case !f.anyPrefix() && prefix != f.Prefix:
		return fmt.Errorf("its prefix is %.40q: want %q, or AcceptAnyPrefix", prefix, f.Prefix)
	}
	return nil
}
