package keyfile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/keyfile"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
)

// TestNothingShowsASecret prints every public struct, with a secret in a row.
func TestNothingShowsASecret(t *testing.T) {
	secret, err := apikey.Format{}.New()
	require.NoError(t, err)
	fault := &keyfile.RowError{Line: 1, Err: keyfile.ErrInvalid}
	values := map[string]any{
		"Row":      keyfile.Row{Line: 1, Key: apikey.Key{Name: "n"}, Secret: secret},
		"RowError": fault, "MissingColumnError": &keyfile.MissingColumnError{Column: "Key"},
		"Result": keyfile.Result{Warnings: []*keyfile.RowError{fault}},
	}
	leak.Complete(t, values)
	leak.Check(t, string(secret)[4:36], values)
}
