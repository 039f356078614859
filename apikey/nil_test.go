package apikey_test

import (
	"crypto/cipher"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// noSeal is an AEAD, of which a nil pointer is none.
type noSeal struct{ cipher.AEAD }

// TestNil: a Service does not begin with a store or a cipher that is nil, not even within an interface.
func TestNil(t *testing.T) {
	for want, make := range map[string]func(){
		"apikey: NewService: store: nil: want an apikey.Store":                       func() { apikey.NewService(nil, apikey.Config{}) },
		"apikey: NewService: store: nil *apikey_test.mapStore: want an apikey.Store": func() { apikey.NewService((*mapStore)(nil), apikey.Config{}) },
		"apikey: NewService: seal: nil *apikey_test.noSeal: want a cipher.AEAD, or none": func() {
			apikey.NewService(&mapStore{}, apikey.Config{Seal: (*noSeal)(nil)})
		},
	} {
		require.PanicsWithValue(t, want, make)
	}
}
