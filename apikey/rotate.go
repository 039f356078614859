package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Rotate gives a key a new secret. The one it replaces stays good for grace, though never
// past the key's own expiry, so that a client can change over; a zero grace ends it at
// once. A secret that was still retiring ends at once: a key never has more than two. A
// disabled key can be rotated, an expired one cannot.
//
// The new secret is shown this once. If the error is the Store's and not one of this
// package's, the change may have happened: rotating again would then end the secret that
// clients still use. Get tells, by the key's Version.
//
// Errors: ErrInvalid for a negative grace, ErrNotFound, ErrExpired, and ErrConflict if
// others were faster 16 times in a row.
func (s *Service) Rotate(ctx context.Context, id string, grace time.Duration) (Key, Secret, error) {
	secret, fault := s.format.make()
	if grace < 0 {
		fault = errors.Join(fault, fmt.Errorf("grace: %v: want 0 or more", grace))
	}
	if err := invalid(fault); err != nil {
		return Key{}, "", err
	}
	k, err := s.edit(ctx, id, func(k *Key, now time.Time) error { return s.rotate(k, secret, now, grace) })
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

// rotate makes secret the current one of k.
func (s *Service) rotate(k *Key, secret Secret, now time.Time, grace time.Duration) error {
	if k.expired(now) {
		return ErrExpired
	}
	until := instant(now.Add(grace))
	if !k.Expires.IsZero() && k.Expires.Before(until) {
		until = k.Expires
	}
	if k.Retiring, k.RetiringUntil = k.Digest, until; !now.Before(until) {
		k.Retiring, k.RetiringUntil = Digest{}, time.Time{}
	}
	s.keep(k, secret)
	return nil
}
