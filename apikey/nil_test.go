package apikey_test

import (
	"crypto/cipher"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// noSeal is an AEAD. A nil pointer to it is not nil as a cipher.AEAD.
type noSeal struct{ cipher.AEAD }

// TestNil checks that NewService refuses a nil store, and a nil pointer in an interface
// for the store or the Seal.
func TestNil(t *testing.T) {
	for want, c := range map[string]struct {
		store apikey.Store
		cfg   apikey.Config
	}{
		"store: nil: want an apikey.Store":                           {},
		"store: nil *apikey_test.mapStore: want an apikey.Store":     {store: (*mapStore)(nil)},
		"seal: nil *apikey_test.noSeal: want a cipher.AEAD, or none": {store: &mapStore{}, cfg: apikey.Config{Seal: (*noSeal)(nil)}},
		`keyFormat.prefix: "acme corp": want 1 to 32`:                {store: &mapStore{}, cfg: apikey.Config{KeyFormat: apikey.Format{Prefix: "acme corp"}}},
	} {
		_, err := apikey.NewService(c.store, c.cfg)
		require.ErrorIs(t, err, apikey.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}
