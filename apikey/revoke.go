package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/history"
)

// errRevoked ends an edit that has nothing to change.
var errRevoked = errors.New("apikey: revoked before")

// Revoke ends a secret that others may know, such as one that was published. It takes the
// digest of the secret: see DigestOf.
//
// If it is the current secret of a key, the secret ends, and the key is disabled. To
// enable the key is not enough then: the key has no secret until Rotate gives it one. If
// it is the previous secret of a rotation, that secret ends, and the key stays as it is,
// because its owner has changed to another secret already.
//
// Revoke may be repeated. It returns the key as it is now, and false if there was nothing
// left to end. A key is still found by its last revoked secret after the next rotation.
//
// Errors: ErrNotFound, and ErrConflict if others were faster 16 times in a row.
func (s *Service) Revoke(ctx context.Context, d Digest) (k Key, changed bool, err error) {
	return s.end(ctx, d, time.Time{}, true)
}

// EndSecret ends a secret at a time, as Revoke does, but leaves the key enabled. So
// clients can go on until then, and Rotate is all that the key needs. A time that has
// passed means now. A secret never ends later than it would have without the call.
//
// Caution: a key has at most two secrets. If the current secret ends while the previous
// one of a rotation is still good, the previous one ends at once.
//
// Errors: ErrInvalid for a year after 9999, ErrNotFound, and ErrConflict if others were
// faster 16 times in a row.
func (s *Service) EndSecret(ctx context.Context, d Digest, at time.Time) (k Key, changed bool, err error) {
	if at = instant(at); at.Year() > maxYear {
		return Key{}, false, invalid(fmt.Errorf("at: year %d: want at most %d", at.Year(), maxYear))
	}
	return s.end(ctx, d, at, false)
}

// end ends the secret of a digest, and disables the key if the secret is its current one
// and disable is set.
func (s *Service) end(ctx context.Context, d Digest, at time.Time, disable bool) (k Key, changed bool, err error) {
	found, err := s.store.KeyByDigest(ctx, d)
	if err != nil {
		return Key{}, false, err
	}
	k, err = s.edit(ctx, found.ID, history.Revoke, func(k *Key, now time.Time) error {
		found = *k
		if at.Before(now) {
			at = now
		}
		return k.end(&d, at, disable)
	})
	if errors.Is(err, errRevoked) {
		return found, false, nil
	}
	return k, err == nil, err
}

// end ends the secret of a digest. It returns errRevoked if that changes nothing, and
// ErrNotFound if the key no longer has the digest.
//
// The digest of a secret that has ended stays in Retiring. So no other key can have it,
// and a later report of the secret still finds its key.
func (k *Key) end(d *Digest, at time.Time, disable bool) error {
	switch {
	case d.Equal(&k.Retiring):
		if !k.RetiringUntil.After(at) {
			return errRevoked
		}
		k.RetiringUntil = at
		return nil
	case !d.Equal(&k.Digest):
		return ErrNotFound
	}
	if !k.Expires.IsZero() && k.Expires.Before(at) {
		at = k.Expires
	}
	k.Retiring, k.RetiringUntil = *d, at
	k.Digest, k.Sealed = Digest{}, nil
	if disable {
		k.Enabled = false
	}
	return nil
}
