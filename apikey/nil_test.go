package apikey_test

import (
	"crypto/cipher"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// noSeal is an AEAD, of which a nil pointer is none.
type noSeal struct{ cipher.AEAD }

// TestNil: a Service does not begin with a store or a cipher that is nil, not even within
// an interface.
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
