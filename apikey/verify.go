package apikey

import (
	"context"
	"fmt"
	"time"
)

// Verify returns the key that a secret is good for now. It is for services that need no
// usage plan; package gate has the whole decision, with a cache.
//
// The error wraps ErrNotFound if there is no such key, or if its secret was replaced and
// has retired; ErrMalformed beside it if the secret cannot be one of the Service's
// KeyFormat; ErrDisabled or ErrExpired. Other errors are the Store's. The key is zero
// beside an error.
//
// Security: answer all of these errors the same. A client that can tell a disabled key
// from an unknown one has learned that it guessed a key.
//
// Every call reads the Store, unless the secret is malformed.
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
