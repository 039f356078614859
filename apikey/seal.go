package apikey

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

// ErrSealed: the secret cannot be shown again: it was not kept, or under another
// Config.Seal.
var ErrSealed = errors.New("apikey: the secret cannot be shown again")

// keep makes secret that of k: its digest, its hint, and the secret itself where the
// Service seals.
func (s *Service) keep(k *Key, secret Secret) {
	k.Digest, k.Hint, k.Sealed = DigestOf(string(secret)), secret.String(), nil
	if s.seal == nil {
		return
	}
	nonce := make([]byte, s.seal.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	k.Sealed = s.seal.Seal(nonce, nonce, []byte(secret), []byte(k.ID))
}

// Reveal shows the current secret of a key again. Errors: ErrNotFound, and ErrSealed
// where the Service has no Seal, or the key was made without it or with another.
func (s *Service) Reveal(ctx context.Context, id string) (Secret, error) {
	k, err := s.store.Key(ctx, id)
	if err != nil {
		return "", err
	}
	return s.Unseal(&k)
}

// Unseal is Reveal for a key that has been read.
func (s *Service) Unseal(k *Key) (Secret, error) {
	if s.seal == nil || len(k.Sealed) < s.seal.NonceSize() {
		return "", ErrSealed
	}
	nonce, sealed := k.Sealed[:s.seal.NonceSize()], k.Sealed[s.seal.NonceSize():]
	secret, err := s.seal.Open(nil, nonce, sealed, []byte(k.ID))
	if err != nil {
		return "", fmt.Errorf("%w: key %s was sealed otherwise", ErrSealed, k.ID)
	}
	return Secret(secret), nil
}
