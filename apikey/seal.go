package apikey

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrSealed means that a secret cannot be shown again. It was not kept, or it was sealed
// with a different Config.Seal.
var ErrSealed = errors.New("apikey: the secret cannot be shown again")

// setSecret stores in k all that is kept of its secret: the digest, the hint and, if the
// Service has a Seal, the sealed secret.
func (s *Service) setSecret(k *Key, secret Secret) {
	k.Digest = DigestOf(string(secret))
	k.Hint = secret.String()
	k.Sealed = nil
	if s.seal == nil {
		return
	}

	// The ID is authenticated, so that a sealed secret that is copied to another key
	// cannot be opened there.
	nonce := make([]byte, s.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	k.Sealed = s.seal.Seal(nonce, nonce, []byte(secret), []byte(k.ID))
}

// Reveal returns the current secret of the key with an ID.
//
// Errors: ErrNotFound, and ErrSealed if the Service has no Seal, or if the secret was
// stored without a Seal or with a different one.
func (s *Service) Reveal(ctx context.Context, id string) (Secret, error) {
	k, err := s.store.Key(ctx, id)
	if err != nil {
		return "", err
	}
	return s.Unseal(&k)
}

// Unseal returns the current secret of a key that was read already, as Reveal does. It
// does not call the Store. Errors: ErrSealed.
func (s *Service) Unseal(k *Key) (Secret, error) {
	if s.seal == nil || len(k.Sealed) < s.seal.NonceSize() {
		return "", ErrSealed
	}
	nonce, sealed := k.Sealed[:s.seal.NonceSize()], k.Sealed[s.seal.NonceSize():]
	secret, err := s.seal.Open(nil, nonce, sealed, []byte(k.ID))
	if err != nil {
		return "", fmt.Errorf("%w: key %s was sealed with a different cipher or key", ErrSealed, k.ID)
	}
	return Secret(secret), nil
}
