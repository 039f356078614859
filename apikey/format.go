package apikey

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"unicode"
	"unicode/utf8"
)

const (
	defaultPrefix = "key"
	maxPrefix     = 32
	randomLen     = 32 // base62 characters: 190 bits
	sumLen        = 6  // base62 characters hold 35 bits, a CRC-32 needs 32

	// The bounds of a key's value in Amazon API Gateway, in characters.
	minForeign = 20
	maxForeign = 128

	maxForeignBytes = maxForeign * utf8.UTFMax

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// ErrMalformed is wrapped by the error for a value that cannot be a secret. No such error
// holds any part of the value.
var ErrMalformed = errors.New("apikey: malformed secret")

// The reasons for which a value is malformed. They are variables because a flood of
// malformed values must not allocate an error for each.
var (
	errLength     = fmt.Errorf("%w: length", ErrMalformed)
	errPrefix     = fmt.Errorf("%w: prefix", ErrMalformed)
	errCharacters = fmt.Errorf("%w: characters", ErrMalformed)
	errChecksum   = fmt.Errorf("%w: checksum", ErrMalformed)
	errTag        = fmt.Errorf("%w: tag", ErrMalformed)
	errForeign    = fmt.Errorf("%w: want %d to %d visible characters", ErrMalformed, minForeign, maxForeign)
)

// A Format describes secrets: "<prefix>_", 32 random base62 characters, and the CRC-32
// (IEEE) of these as six base62 digits. The zero Format creates secrets that begin with
// "key_" and accepts any prefix. With TagKeys the last ten of the random characters are a
// tag instead.
//
// Caution: a program should have one Format. Config uses it to create and import keys,
// and gate.Config to admit requests. A Gate with another Format may refuse good keys.
type Format struct {
	// Prefix begins each secret. By custom it names the product and the environment, such as
	// "acme_live". It has 1 to 32 ASCII letters, digits, '_' and '-'. A double click does
	// not select the whole of a secret with a '-'. If Prefix is empty, New uses "key", and
	// Check accepts any prefix.
	//
	// A Gate with a Prefix refuses all keys with another. To change the Prefix of new keys,
	// set AcceptAnyPrefix too, until the old keys are gone.
	Prefix string

	// AcceptForeign makes Check accept secrets of any form, with 20 to 128 visible
	// characters of UTF-8, the bounds of Amazon API Gateway. Service.Import and
	// Service.ImportDigest need it for secrets that another system created. Set it only for
	// such keys, because a made-up value then costs a look-up.
	AcceptForeign bool

	// TagKeys makes New put a tag into each secret, and Check refuse secrets without one.
	// The tag is a truncated HMAC-SHA256 of the rest of the secret, so only a process that
	// has the key can make it. A forged secret with a right checksum then costs no look-up,
	// however many addresses it comes from: one in 2^59 has a right tag. The default is nil,
	// which makes no tags and checks none.
	//
	// A secret with a tag has the same length and the same checksum as one without. A
	// process without TagKeys accepts both.
	TagKeys *TagKeys

	// AcceptUntagged makes Check accept secrets of the Format's form without a tag too, as
	// those that were created before the TagKeys. New still makes tags. Remove it when the
	// old secrets have been rotated: until then a forged secret costs a look-up.
	AcceptUntagged bool

	// AcceptAnyPrefix makes Check accept secrets of the Format's form with another prefix
	// too, as those that were created before the Prefix was changed. New still uses Prefix.
	// Remove it when the old secrets have been rotated.
	AcceptAnyPrefix bool
}

// Validate reports whether the Format is valid. The error wraps ErrInvalid.
func (f Format) Validate() error { return invalid(f.fault()) }

// fault returns what is wrong with the Format.
func (f Format) fault() error {
	errs := []error{f.TagKeys.fault()}
	if f.Prefix != "" && !isPrefix(f.Prefix) {
		errs = append(errs, fmt.Errorf("prefix: %.40q: want 1 to %d ASCII letters, digits, '_' and '-'", f.Prefix, maxPrefix))
	}
	if f.AcceptUntagged && f.TagKeys == nil {
		errs = append(errs, errors.New("acceptUntagged: true: want tagKeys, too"))
	}
	if f.AcceptAnyPrefix && f.Prefix == "" {
		errs = append(errs, errors.New("acceptAnyPrefix: true: want a prefix for new secrets, too"))
	}
	return errors.Join(errs...)
}

// Covers reports whether f.Check accepts every secret that a Service with the Format made
// creates or imports.
func (f Format) Covers(made Format) bool {
	if f.AcceptForeign || made.AcceptForeign {
		return f.AcceptForeign
	}
	return (f.anyPrefix() || !made.anyPrefix() && f.Prefix == made.Prefix) &&
		(!f.tagged() || made.tagged() && f.TagKeys.covers(made.TagKeys))
}

// tagged reports whether Check wants a tag.
func (f Format) tagged() bool { return f.TagKeys != nil && !f.AcceptUntagged && !f.AcceptForeign }

// anyPrefix reports whether Check accepts every prefix.
func (f Format) anyPrefix() bool { return f.Prefix == "" || f.AcceptAnyPrefix }

// New returns a new secret from crypto/rand. The only error wraps ErrInvalid and reports
// an invalid Format.
func (f Format) New() (Secret, error) {
	secret, fault := f.make()
	return secret, invalid(fault)
}

// make does the work of New. It returns a fault that can be joined with others.
func (f Format) make() (Secret, error) {
	if fault := f.fault(); fault != nil {
		return "", fault
	}
	prefix := cmp.Or(f.Prefix, defaultPrefix)
	b := make([]byte, 0, len(prefix)+1+randomLen+sumLen)
	b = append(b, prefix...)
	b = append(b, '_')
	if f.TagKeys == nil {
		b = appendRandom(b, randomLen)
	} else {
		b = appendRandom(b, randomLen-tagLen)
		tag := tagOf(f.TagKeys.all()[0], string(b))
		b = append(b, tag[:]...)
	}
	sum := checksum(string(b))
	return Secret(append(b, sum[:]...)), nil
}

// Check reports whether s can be a secret: whether its length, its characters, its
// prefix, its checksum and, with TagKeys, its tag are right. The error wraps ErrMalformed
// and holds no part of s. A secret that passes need not belong to a key, because Check
// does not call a store.
//
// Check is fast for any length of s. It allocates only to compute the checksum, which is
// of at most 65 bytes, and then the tag. A Gate calls Check only for a secret that is not
// in its cache.
func (f Format) Check(s string) error {
	if f.AcceptForeign {
		return checkForeign(s)
	}
	// The '_' after the prefix is located from the end, because a prefix may contain one.
	cut := len(s) - randomLen - sumLen - 1
	if cut < 1 || cut > maxPrefix {
		return errLength
	}
	if s[cut] != '_' || !isPrefix(s[:cut]) || !f.anyPrefix() && s[:cut] != f.Prefix {
		return errPrefix
	}
	body := len(s) - sumLen
	for i := cut + 1; i < body; i++ {
		if !isBase62(s[i]) {
			return errCharacters
		}
	}
	if sum := checksum(s[:body]); s[body:] != string(sum[:]) {
		return errChecksum
	}
	if f.tagged() && !f.TagKeys.accept(s[:body-tagLen], s[body-tagLen:body]) {
		return errTag
	}
	return nil
}

// checkImport checks a secret that is to be imported. The error says what a secret of
// another system needs.
func (f Format) checkImport(secret Secret) error {
	err := f.Check(string(secret))
	switch {
	case err == nil || f.AcceptForeign:
		return err
	case errors.Is(err, errTag):
		return fmt.Errorf("%w: want a tag of one of the TagKeys, or AcceptUntagged there and in the Gate's Format", err)
	case errors.Is(err, errPrefix) && (Format{}).Check(string(secret)) == nil:
		return fmt.Errorf("%w: want %q, or AcceptAnyPrefix there and in the Gate's Format", err, f.Prefix)
	}
	return fmt.Errorf("%w: want a secret of the Format's own form, or AcceptForeign there and in the Gate's Format, and %d to %d visible characters",
		err, minForeign, maxForeign)
}

// checkForeign checks an imported secret by the bounds of Amazon API Gateway, which count
// characters. It refuses invisible characters, such as a space or a zero-width one,
// because they can only be mistakes.
func checkForeign(s string) error {
	if len(s) < minForeign || len(s) > maxForeignBytes {
		return errForeign
	}
	n := 0
	for _, r := range s {
		if r == ' ' || r == utf8.RuneError || !unicode.IsPrint(r) {
			return errForeign
		}
		n++
	}
	if n < minForeign || n > maxForeign {
		return errForeign
	}
	return nil
}

// isPrefix reports whether s is a valid Format.Prefix.
func isPrefix(s string) bool { return len(s) <= maxPrefix && isWord(s) }

// isWord reports whether s has at least one character, and only ASCII letters, digits,
// '_' and '-'.
func isWord(s string) bool {
	for i := range len(s) {
		if !isBase62(s[i]) && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	return s != ""
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// appendRandom appends n base62 characters, each as likely as any other. It drops the two
// of the 64 values of six random bits that stand for no character. A remainder would
// favour two of the characters.
func appendRandom(b []byte, n int) []byte {
	var bits [64]byte
	for end := len(b) + n; len(b) < end; {
		_, _ = rand.Read(bits[:]) // never fails
		for _, r := range bits[:] {
			if r &= 63; int(r) < len(base62) && len(b) < end {
				b = append(b, base62[r])
			}
		}
	}
	return b
}

// checksum returns the CRC-32 of s in base62 digits, highest first. The conversion
// allocates a copy of s, because the argument of ChecksumIEEE escapes.
func checksum(s string) (digits [sumLen]byte) {
	crc := crc32.ChecksumIEEE([]byte(s))
	for i := sumLen - 1; i >= 0; i-- {
		digits[i] = base62[crc%62]
		crc /= 62
	}
	return digits
}
