package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/awstest"
)

// TestTagKeys checks that a gateway with -tag-keys makes values with tags, and accepts no
// others. A gateway without it accepts both.
func TestTagKeys(t *testing.T) {
	t.Parallel()
	const key = "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
	dir := t.TempDir()
	file, store := filepath.Join(dir, "keys"), "sqlite:"+filepath.Join(dir, "ration.db")
	require.NoError(t, os.WriteFile(file, []byte(key+"\n"), 0o600))
	gw := start(t, "-store", store)
	planID, _, untagged := gw.plan(settings{})
	require.NoError(t, gw.stop())

	gw = start(t, "-store", store, "-tag-keys", file)
	created := gw.aws("create-api-key --enabled")
	tagged := created["value"].(string)
	gw.aws("create-usage-plan-key --key-type API_KEY --usage-plan-id " + planID + " --key-id " + created["id"].(string))
	keys, err := apikey.ParseTagKeys(key)
	require.NoError(t, err)
	require.NoError(t, apikey.Format{TagKeys: keys}.Check(tagged))
	require.Equal(t, map[string]int{"pass": 1}, gw.crowd(tagged, 1))
	require.Equal(t, map[string]int{forbidden: 1}, gw.crowd(untagged, 1))
	_, err = awstest.Run(t, gw.control, "create-api-key", "--value", "legacy-key-value-of-2019")
	require.ErrorContains(t, err, "BadRequestException")
	require.NoError(t, gw.stop())
	require.NotContains(t, gw.logs.String(), key)

	gw = start(t, "-store", store)
	require.Equal(t, map[string]int{"pass": 1}, gw.crowd(tagged, 1))
	require.Equal(t, map[string]int{"pass": 1}, gw.crowd(untagged, 1))
	require.NoError(t, gw.stop())
}
