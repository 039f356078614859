package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSealWarning checks the warning at the start if values of keys cannot be shown
// again.
func TestSealWarning(t *testing.T) {
	const warning = "level=WARN msg=\"gateway: without -seal, the values of API keys are shown only once"
	seal := filepath.Join(t.TempDir(), "seal")
	require.NoError(t, os.WriteFile(seal, []byte("0123456789abcdef0123456789abcdef"), 0o600))
	without, with := start(t), start(t, "-seal", seal)
	require.Contains(t, without.logs.String(), warning)
	require.NotContains(t, with.logs.String(), warning)
}

// TestAccount checks that the account shows no throttle, since the gateway enforces none.
func TestAccount(t *testing.T) {
	t.Parallel()
	account := start(t).aws("get-account")
	require.NotContains(t, account, "throttleSettings")
	require.Equal(t, []any{"UsagePlans"}, account["features"])
}

// TestWideValue checks that a value with characters beyond ASCII admits its client.
func TestWideValue(t *testing.T) {
	t.Parallel()
	gw := start(t)
	const value = "une-clé-de-la-première-époque"
	keyID := gw.aws("create-api-key --name k --enabled --value " + value)["id"].(string)
	planID := gw.aws("create-usage-plan --name p")["id"].(string)
	gw.aws("create-usage-plan-key --key-type API_KEY", "--usage-plan-id", planID, "--key-id", keyID)
	require.Equal(t, map[string]int{"pass": 1}, gw.crowd(value, 1))
	require.Equal(t, map[string]int{forbidden: 1}, gw.crowd(value+"é", 1))
}
