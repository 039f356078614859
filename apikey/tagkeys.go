package apikey

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const (
	tagLen = 10 // base62 characters: 59 bits

	minTagKey  = 32 // bytes, the size of SHA-256
	maxTagKey  = 64 // bytes, a block of SHA-256: HMAC hashes a longer key first
	maxTagKeys = 8
)

// TagKeys are the keys of the tags in secrets: see Format.TagKeys. Make them with
// NewTagKeys or ParseTagKeys. TagKeys are safe for concurrent use.
//
// Code that prints, logs or marshals TagKeys gets only how many there are. Unmarshalling
// parses the keys, so they can be read from a configuration.
//
// Security: an attacker that has one of the TagKeys can make secrets that cost a look-up,
// as every attacker can without tags. The TagKeys do not help to guess a key's secret.
type TagKeys struct {
	list func() [][]byte // fmt cannot print a function's variables; nil in the zero TagKeys
}

// all returns the keys.
func (t *TagKeys) all() [][]byte {
	if t == nil || t.list == nil {
		return nil
	}
	return t.list()
}

// NewTagKeys returns TagKeys of 1 to 8 keys. New secrets have tags of the first key, and
// tags of all of them are good. So a key is replaced in three steps: add the new key
// behind the old one in every process, put it first, and remove the old key when the last
// secret with a tag of it is gone.
//
// A key has 32 to 64 random bytes, such as those of "openssl rand -base64 32". The error
// wraps ErrInvalid and reports every fault at once. It holds no part of a key.
func NewTagKeys(keys ...[]byte) (*TagKeys, error) {
	var faults []error
	if len(keys) < 1 || len(keys) > maxTagKeys {
		faults = append(faults, fmt.Errorf("tagKeys: %d: want 1 to %d", len(keys), maxTagKeys))
	}
	var own [][]byte
	for i, key := range keys {
		faults = append(faults, tagKeyFault(i, key, keys[:i]))
		own = append(own, bytes.Clone(key))
	}
	if err := invalid(faults...); err != nil {
		return nil, err
	}
	return &TagKeys{func() [][]byte { return own }}, nil
}

// tagKeyFault returns what is wrong with the i-th key, or nil.
func tagKeyFault(i int, key []byte, before [][]byte) error {
	if len(key) < minTagKey || len(key) > maxTagKey {
		return fmt.Errorf("tagKeys[%d]: %d bytes: want %d to %d random bytes", i, len(key), minTagKey, maxTagKey)
	}
	if bytes.Equal(key, bytes.Repeat(key[:1], len(key))) {
		return fmt.Errorf("tagKeys[%d]: one byte repeated: want random bytes", i)
	}
	for j, other := range before {
		if bytes.Equal(key, other) {
			return fmt.Errorf("tagKeys[%d]: same as tagKeys[%d]: want each key once", i, j)
		}
	}
	return nil
}

// ParseTagKeys returns the TagKeys in a text that has one key in each line, in base64.
// The first one makes the tags of new secrets. Empty lines and lines that begin with '#'
// are ignored. The errors are those of NewTagKeys.
func ParseTagKeys(text string) (*TagKeys, error) {
	var (
		keys   [][]byte
		faults []error
		n      int
	)
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil { // the error would say which characters the key has
			faults = append(faults, fmt.Errorf("tagKeys: line %d: want a key in base64", n))
			continue
		}
		keys = append(keys, key)
	}
	if err := invalid(faults...); err != nil {
		return nil, err
	}
	return NewTagKeys(keys...)
}

// fault returns what is wrong with t, which may be nil.
func (t *TagKeys) fault() error {
	if t != nil && len(t.all()) == 0 {
		return errors.New("tagKeys: zero: want NewTagKeys or ParseTagKeys")
	}
	return nil
}

// covers reports whether every tag of other's keys is good. Neither is nil.
func (t *TagKeys) covers(other *TagKeys) bool {
	for _, key := range other.all() {
		if !t.has(key) {
			return false
		}
	}
	return true
}

func (t *TagKeys) has(key []byte) bool {
	found := 0
	for _, own := range t.all() {
		found |= subtle.ConstantTimeCompare(own, key)
	}
	return found == 1
}

// accept reports whether tag is that of text by one of the keys.
//
// Security: each tag is compared in constant time. How many are compared tells only which
// key made a good tag.
func (t *TagKeys) accept(text, tag string) bool {
	for _, key := range t.all() {
		want := tagOf(key, text)
		if subtle.ConstantTimeCompare(want[:], []byte(tag)) == 1 {
			return true
		}
	}
	return false
}

// tagOf returns the first 64 bits of the HMAC-SHA256 of text in base62 digits, without
// the highest digit. Every tag is nearly as likely as any other: 2^64 is 22 times 62^10.
func tagOf(key []byte, text string) (digits [tagLen]byte) {
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, text) // never fails
	var sum [sha256.Size]byte
	n := binary.BigEndian.Uint64(mac.Sum(sum[:0]))
	for i := tagLen - 1; i >= 0; i-- {
		digits[i] = base62[n%62]
		n /= 62
	}
	return digits
}

// String returns how many keys there are.
func (t TagKeys) String() string { return fmt.Sprintf("apikey.TagKeys(%d)", len(t.all())) }

// GoString returns the same as String, for packages that print values in Go syntax.
func (t TagKeys) GoString() string { return t.String() }

// Format prints String for every verb.
func (t TagKeys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue returns the same as String, for package log/slog.
func (t TagKeys) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText returns the same as String, for packages such as encoding/json. The error
// is always nil.
func (t TagKeys) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText sets t to the keys in a text, as ParseTagKeys reads it.
func (t *TagKeys) UnmarshalText(text []byte) error {
	parsed, err := ParseTagKeys(string(text))
	if err == nil {
		*t = *parsed
	}
	return err
}
