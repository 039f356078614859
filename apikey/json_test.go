package apikey_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestKeyJSONFaults checks that a typing error in the JSON of a key is an error. Without
// the error, a restriction such as an expiry would be lost.
func TestKeyJSONFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"k","expire":"2026-11-30T00:00:00Z"}`: `unknown field "expire"`,
		`{"id":"k","enabled":false,"Enabled":true}`:  `Enabled: there twice`,
		`{"id":"k","tags":{"a":"1","a":"2"}}`:        `tags.a: there twice`,
		`{"id":"k","expires":null}`:                  `expires: null: want a value, or no such member`,
		`null`:                                       `null: want an object`,
		`{"id":"k","retiringUntil":"tomorrow"}`:      `tomorrow`,
	} {
		err := json.Unmarshal([]byte(text), new(apikey.Key))
		require.ErrorIs(t, err, apikey.ErrInvalid, text)
		require.ErrorContains(t, err, want, text)
	}
}
