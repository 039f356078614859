package apikey

import "context"

// CheckImport reports whether Import would accept the key and the secret. It does not
// call the store, so it cannot tell whether the secret or the ID is taken. An import of
// many keys can check all of them before it imports the first.
//
// Errors: ErrInvalid, together with ErrMalformed if the secret is malformed.
func (s *Service) CheckImport(k Key, secret Secret) error {
	_, err := newKey(k, func(*Key) {}, s.format.checkImport(secret))
	return err
}

// GetBySecret returns the key that has a secret as its current or its retiring one. The
// key may be disabled or expired, and the retiring secret may no longer be good. Verify
// returns only keys that may be used.
//
// Errors: ErrNotFound.
func (s *Service) GetBySecret(ctx context.Context, secret Secret) (Key, error) {
	return s.store.KeyByDigest(ctx, DigestOf(string(secret)))
}
