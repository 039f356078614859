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

	minForeign, maxForeign = 20, 128 // the bounds of a key's value in Amazon API Gateway, in characters
	maxForeignBytes        = maxForeign * utf8.UTFMax

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// ErrMalformed is wrapped by the error for a value that cannot be a secret. No such error holds any of the value.
var ErrMalformed = errors.New("apikey: malformed secret")

// Why a value is malformed. They are made once, so that a flood of garbage costs no memory.
var (
	errLength     = fmt.Errorf("%w: length", ErrMalformed)
	errPrefix     = fmt.Errorf("%w: prefix", ErrMalformed)
	errCharacters = fmt.Errorf("%w: characters", ErrMalformed)
	errChecksum   = fmt.Errorf("%w: checksum", ErrMalformed)
	errForeign    = fmt.Errorf("%w: want %d to %d visible characters", ErrMalformed, minForeign, maxForeign)
)

// Format says what secrets look like: "<prefix>_", 32 random base62 characters, and the CRC-32 (IEEE) of all that as a
// number of six base62 digits. The zero Format makes "key_…" and takes any prefix.
//
// A program has one Format. It gives the same value to Config, by which keys are made and imported, and to
// gate.Config, by which requests are let in. A Gate of another Format refuses keys that are good.
type Format struct {
	// Prefix is what secrets begin with, by custom the product and the environment, such as "acme_live": 1 to 32 ASCII
	// letters, digits, '_' and '-'. With '-' a double click does not select the whole secret. Empty: New makes "key",
	// and Check takes any.
	//
	// A Gate with a Prefix refuses all keys of another. Whoever changes the Prefix of new keys leaves that of the Gate
	// empty until the old keys are gone.
	Prefix string

	// AcceptForeign lets Check pass secrets of any form: 20 to 128 visible characters of UTF-8, the bounds of Amazon API
	// Gateway. Service.Import and Service.ImportDigest need it for secrets that another system has made. Garbage then
	// costs a look-up, so it is for services that have such keys.
	AcceptForeign bool
}

// Validate reports whether the Prefix keeps its rule. The error wraps ErrInvalid.
func (f Format) Validate() error { return invalid(f.fault()) }

func (f Format) fault() error {
	if f.Prefix != "" && !isPrefix(f.Prefix) {
		return fmt.Errorf("prefix: %.40q: want 1 to %d ASCII letters, digits, '_' and '-'", f.Prefix, maxPrefix)
	}
	return nil
}

// Covers reports whether Check passes every secret that a Service of the Format made makes or imports.
func (f Format) Covers(made Format) bool {
	return f.AcceptForeign || !made.AcceptForeign && (f.Prefix == "" || f.Prefix == made.Prefix)
}

// New makes a secret from crypto/rand. An error that wraps ErrInvalid says that the prefix breaks its rule; there is no
// other.
func (f Format) New() (Secret, error) {
	secret, fault := f.make()
	return secret, invalid(fault)
}

// make is New, with a fault that can be joined with others.
func (f Format) make() (Secret, error) {
	if fault := f.fault(); fault != nil {
		return "", fault
	}
	prefix := cmp.Or(f.Prefix, defaultPrefix)
	b := make([]byte, 0, len(prefix)+1+randomLen+sumLen)
	b = append(b, prefix...)
	b = append(b, '_')
	b = appendRandom(b, randomLen)
	sum := checksum(string(b))
	return Secret(append(b, sum[:]...)), nil
}

// Check says whether s can be a secret: whether its length, its characters, its prefix and its checksum are right. Its
// error wraps ErrMalformed and holds nothing of s. It asks nobody, allocates nothing, and is quick however long s is.
// That s passes does not mean that there is such a key.
func (f Format) Check(s string) error {
	if f.AcceptForeign {
		return checkForeign(s)
	}
	cut := len(s) - randomLen - sumLen - 1 // where the '_' after the prefix is: prefixes may contain one too
	if cut < 1 || cut > maxPrefix {
		return errLength
	}
	if s[cut] != '_' || !isPrefix(s[:cut]) || f.Prefix != "" && s[:cut] != f.Prefix {
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
	return nil
}

// checkImport is Check for a secret that is to be imported. It says what a secret of another system needs.
func (f Format) checkImport(secret Secret) error {
	err := f.Check(string(secret))
	if err != nil && !f.AcceptForeign && checkForeign(string(secret)) == nil {
		err = fmt.Errorf("%w: want a secret of the Format's own form, or AcceptForeign there and in the Gate's Format", err)
	}
	return err
}

// checkForeign holds an imported secret to AWS's bounds, which count characters. A character
// that nobody can see, such as a space or a zero-width one, would only be a mistake.
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

// isPrefix is the rule of Format.Prefix.
func isPrefix(s string) bool { return len(s) <= maxPrefix && isWord(s) }

// isWord says that s is at least one character, and all are ASCII letters, digits, '_' and '-'.
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

// appendRandom appends n base62 characters, each as likely as any other: six random bits that name none of the 62 are
// thrown away, since a remainder would prefer some.
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

// checksum is the CRC-32 of s in base62 digits, highest first. The loop is here because the functions of hash/crc32 take
// a slice that escapes, which would cost an allocation for every request.
func checksum(s string) (digits [sumLen]byte) {
	crc := ^uint32(0)
	for i := range len(s) {
		crc = crc32.IEEETable[byte(crc)^s[i]] ^ crc>>8
	}
	crc = ^crc
	for i := sumLen - 1; i >= 0; i-- {
		digits[i] = base62[crc%62]
		crc /= 62
	}
	return digits
}
