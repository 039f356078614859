package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/history"
)

// Rotate gives a key a new secret and returns it. The previous secret stays good for
// grace, so that clients can change over, but never past the key's own expiry. With a
// grace of 0 it ends at once.
//
// A key never has more than two secrets. A secret that was still retiring from an earlier
// rotation ends at once. A disabled key can be rotated. An expired key cannot.
//
// The new secret is returned only here.
//
// Caution: if the error is the Store's and not one of this package's, the change may have
// happened. A second call would then end the secret that clients still use. Call
// RotateVersion instead where a call may be repeated, such as for a form or a request.
//
// Errors: ErrInvalid for a negative grace, ErrNotFound, ErrExpired, and ErrConflict if
// others were faster 16 times in a row.
func (s *Service) Rotate(ctx context.Context, id string, grace time.Duration) (Key, Secret, error) {
	return s.rotateIf(ctx, id, grace, func(*Key) error { return nil })
}

// RotateVersion rotates a key as Rotate does, if the key still has this Version. So
// of several calls with one version, in all processes, only one makes a secret.
//
// Errors: those of Rotate, and ErrConflict if the key has another Version.
func (s *Service) RotateVersion(ctx context.Context, id string, version int64, grace time.Duration) (Key, Secret, error) {
	return s.rotateIf(ctx, id, grace, func(k *Key) error {
		if k.Version != version {
			return ErrConflict
		}
		return nil
	})
}

// rotateIf rotates a key if check returns no error for it.
func (s *Service) rotateIf(ctx context.Context, id string, grace time.Duration, check func(*Key) error) (Key, Secret, error) {
	secret, fault := s.format.make()
	if grace < 0 {
		fault = errors.Join(fault, fmt.Errorf("grace: %v: want 0 or more", grace))
	}
	if err := invalid(fault); err != nil {
		return Key{}, "", err
	}
	k, err := s.edit(ctx, id, history.Rotate, func(k *Key, now time.Time) error {
		if err := check(k); err != nil {
			return err
		}
		return s.rotate(k, secret, now, grace)
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

// rotate makes secret the current secret of k, and retires the previous one.
func (s *Service) rotate(k *Key, secret Secret, now time.Time, grace time.Duration) error {
	if k.expired(now) {
		return ErrExpired
	}
	until := instant(now.Add(grace))
	if !k.Expires.IsZero() && k.Expires.Before(until) {
		until = k.Expires
	}

	k.retire(until, now)
	k.Rotated = now
	s.setSecret(k, secret)
	return nil
}

// retire makes the current secret of k the previous one, which is good until a time. The
// secret of a key without a current one was revoked: it stays the previous one, so that a
// later report still finds the key by it, and does not become good for longer.
func (k *Key) retire(until, now time.Time) {
	revoked := k.Digest == (Digest{})
	switch {
	case revoked && k.RetiringUntil.After(until):
		k.RetiringUntil = until
	case revoked:
	case now.Before(until):
		k.Retiring, k.RetiringUntil = k.Digest, until
	default: // no grace, or less than a microsecond of it
		k.Retiring, k.RetiringUntil = Digest{}, time.Time{}
	}
}
