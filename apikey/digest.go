package apikey

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
)

// A Digest is the SHA-256 of a secret. A store keeps it in place of the secret, and finds
// a key by it. The zero Digest means no secret, and no key accepts it.
//
// A digest identifies a secret but cannot be used as one. Whatever a client presents is
// hashed first, so a leaked digest admits nobody.
type Digest [sha256.Size]byte

// DigestOf returns the digest of s, which need not be a well-formed secret. It does not
// allocate for up to 512 bytes, the length of the longest secret that can be imported.
func DigestOf(s string) Digest {
	// A conversion of more than 32 bytes to a slice would allocate, so s is copied to an
	// array. The array has three sizes because it is zeroed first. For a secret of 43
	// bytes, 64 bytes instead of 512 save 12 ns of 150. Secrets of the Format's own form
	// fit in 64 bytes, unless their prefix is long.
	if len(s) <= 64 {
		var b [64]byte
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

// Equal reports whether d and other are the same digest.
//
// Security: Equal takes the same time for any two digests. It reads every word of both
// and has no branch, and so no early exit, that depends on their content. It is written
// out because crypto/subtle compares byte by byte, which takes 31 ns instead of 7.5 ns.
func (d *Digest) Equal(other *Digest) bool {
	var differs uint64
	for i := 0; i < len(d); i += 8 {
		differs |= binary.LittleEndian.Uint64(d[i:]) ^ binary.LittleEndian.Uint64(other[i:])
	}
	return differs == 0
}

// String returns the first four bytes in hexadecimal, which is enough to match two lines
// of a log. MarshalText returns all bytes.
func (d Digest) String() string { return hex.EncodeToString(d[:4]) }

// LogValue returns String, for package log/slog.
func (d Digest) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText returns the whole digest in 64 hexadecimal digits, for stores. The error is
// always nil.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText sets d from the text that MarshalText returns. The error wraps ErrInvalid
// and leaves d unchanged.
func (d *Digest) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return invalid(fmt.Errorf("digest: %d characters: want %d hexadecimal digits", len(text), 2*len(d)))
	}
	copy(d[:], b)
	return nil
}
