package apikey

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// Digest is the SHA-256 of a secret: what a store keeps and looks a key up by. It
// identifies a secret and does not replace it: whatever a client presents is hashed, so a
// digest that leaked opens nothing. The zero Digest is none, and no key accepts it.
type Digest [sha256.Size]byte

// DigestOf is the digest of s, which need not be well formed. Up to 512 bytes, which is
// the longest imported secret, it allocates nothing.
func DigestOf(s string) Digest {
	if len(s) <= 64 { // as those of our own form are, with a short prefix
		var b [64]byte // a conversion of more than 32 bytes would go to the heap
		return sha256.Sum256(b[:copy(b[:], s)])
	}
	if len(s) <= maxForeign {
		var b [maxForeign]byte
		return sha256.Sum256(b[:copy(b[:], s)])
	}
	if len(s) <= maxForeignBytes {
		var b [maxForeignBytes]byte
		return sha256.Sum256(b[:copy(b[:], s)])
	}
	return sha256.Sum256([]byte(s))
}

// Equal compares in constant time: every word of both, without a branch on what is in
// them. (crypto/subtle goes byte by byte, and arguments by value are copied twice, both
// of which show in a decision.)
func (d *Digest) Equal(other *Digest) bool {
	var differs uint64
	for i := 0; i < len(d); i += 8 {
		differs |= binary.LittleEndian.Uint64(d[i:]) ^ binary.LittleEndian.Uint64(other[i:])
	}
	return differs == 0
}

// String is the first four bytes in hexadecimal: enough to match two lines of a log.
// MarshalText has the whole.
func (d Digest) String() string { return hex.EncodeToString(d[:4]) }

// LogValue is String.
func (d Digest) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText is the whole digest in 64 hexadecimal digits, for stores. The error is
// always nil.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText wrote. Its error wraps ErrInvalid, and d is then
// unchanged.
func (d *Digest) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return invalid(fmt.Errorf("digest: %d characters: want %d hexadecimal digits", len(text), 2*len(d)))
	}
	copy(d[:], b)
	return nil
}
