package apikey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestValidate checks the fields that a caller may set, all at once.
func TestValidate(t *testing.T) {
	good := apikey.Key{ID: "k", Name: "K", Tags: apikey.Tags{"a": "b"}}
	require.NoError(t, good.Validate())

	bad := apikey.Key{ID: "a b", Name: "\x00", CustomerID: "\xff", GroupID: "a/b", StageKeys: []string{"x"}}
	err := bad.Validate()
	require.ErrorIs(t, err, apikey.ErrInvalid)
	for _, field := range []string{"id: ", "name: ", "customerId: ", "groupId: ", "stageKeys[0]: "} {
		require.ErrorContains(t, err, field)
	}
}
