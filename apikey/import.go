package apikey

import (
	"context"
	"errors"

	"github.com/ration-go/ration/history"
)

// Import creates a key, as Create does, for a secret that clients have already. It
// accepts only secrets that pass the Check of the Service's Format, because a Gate with
// that Format would refuse any other. Secrets that another system created need
// Format.AcceptForeign.
//
// Security: the store keeps only a digest, without salt. A secret that can be guessed is
// not safe if the store leaks.
//
// Errors: ErrInvalid, together with ErrMalformed if the secret is malformed, ErrExists
// for a secret or an ID that is taken, and those of Config.CheckGroup.
func (s *Service) Import(ctx context.Context, k Key, secret Secret) (Key, error) {
	return s.insert(ctx, history.Import, k, func(k *Key) { s.setSecret(k, secret) }, s.format.checkImport(secret))
}

// ImportDigest creates a key, as Import does, from the digest of a secret, such as the
// SHA-256 that another system keeps. The key has no hint, and its secret cannot be shown
// again.
//
// A digest does not tell the form of its secret, so Format.AcceptForeign is required,
// here and in the Gate's Format. A Gate still accepts only secrets with 20 to 128 visible
// characters. A key with any other secret can never be used.
//
// Errors: ErrInvalid, also for the zero Digest and without AcceptForeign, ErrExists for a
// digest or an ID that is taken, and those of Config.CheckGroup.
func (s *Service) ImportDigest(ctx context.Context, k Key, d Digest) (Key, error) {
	var fault error
	if d == (Digest{}) {
		fault = errors.New("digest: zero: want the digest of a secret")
	}
	if !s.format.AcceptForeign {
		fault = errors.Join(fault, errors.New("digest: secret of unknown form: want AcceptForeign in the Format and in the Gate's"))
	}
	return s.insert(ctx, history.Import, k, func(k *Key) { k.Digest = d }, fault)
}

// CheckImport reports whether Import would accept the key and the secret. It does not
// call the store, so it cannot tell whether the secret or the ID is taken. An import of
// many keys can check all of them before it imports the first.
//
// Errors: ErrInvalid, together with ErrMalformed if the secret is malformed.
func (s *Service) CheckImport(k Key, secret Secret) error {
	_, err := newKey(k, func(*Key) {}, s.format.checkImport(secret))
	return err
}
