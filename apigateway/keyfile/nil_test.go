package keyfile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/keyfile"
)

// TestNil calls Import without its services.
func TestNil(t *testing.T) {
	_, err := keyfile.Import(t.Context(), nil, nil, func(func(keyfile.Row, error) bool) {}, false)
	require.ErrorIs(t, err, keyfile.ErrInvalid)
	require.ErrorContains(t, err, "keys: nil *apikey.Service: want an apikey.Service")
	require.ErrorContains(t, err, "plans: nil *usageplan.Service: want a usageplan.Service")
}
