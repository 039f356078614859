package apikey_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestCheckHint compares what a Format says of hints with what it says of their secrets.
func TestCheckHint(t *testing.T) {
	secrets := []apikey.Secret{"legacy/key+value=2019"}
	for _, f := range formats {
		f.TagKeys, f.AcceptUntagged = nil, false // a hint does not tell whether there is a tag
		secrets = append(secrets, must(f.New()))
	}
	for _, f := range formats {
		f.TagKeys, f.AcceptUntagged = nil, false
		for _, s := range secrets {
			require.Equal(t, f.Check(string(s)) == nil, f.CheckHint(s.String()) == nil, "%+v, %v", f, s)
		}
		require.Equal(t, f.AcceptForeign, f.CheckHint("") == nil, "%+v", f)
	}
	require.EqualError(t, apikey.Format{Prefix: "acme"}.CheckHint("old_…Xy3Z"), `its prefix is "old": want "acme", or AcceptAnyPrefix`)
}
