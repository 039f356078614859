package apikey

import (
	"context"
	"fmt"
	"time"
)

// Verify returns the key that a secret is good for now. It is for services that need no
// usage plan. Package gate makes the whole decision, with a cache. Every call of Verify
// reads the Store, unless the secret is malformed.
//
// With an error, the key is zero. The error wraps one of these, or is the Store's:
//
//   - ErrNotFound, if there is no such key, or if the secret was rotated out and is no
//     longer good
//   - ErrNotFound and ErrMalformed, if the secret does not have the Service's Format
//   - ErrDisabled or ErrExpired
//
// Security: give the client the same answer for all of them. A client that can tell a
// disabled key from an unknown one learns that its secret was once good.
func (s *Service) Verify(ctx context.Context, secret Secret) (Key, error) {
	if err := s.format.Check(string(secret)); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	d := DigestOf(string(secret))
	k, err := s.store.KeyByDigest(ctx, d)
	if err != nil {
		return Key{}, err
	}
	if err := k.Accepts(d, time.Now()); err != nil {
		return Key{}, err
	}
	return k, nil
}
