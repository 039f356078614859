package main

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/examples/gateway/internal/stores"
	"github.com/ration-go/ration/history"
)

// TestHistory makes changes as an administrator. The log has a line for each, with the
// access key ID. After the gateway has stopped, the store has as many as -history says.
func TestHistory(t *testing.T) {
	t.Parallel()
	path := "sqlite:" + filepath.Join(t.TempDir(), "ration.db")
	gw := start(t, "-store", path, "-history", "2")
	planID, keyID, value := gw.plan(perDay(5))
	gw.aws("update-usage", "--usage-plan-id", planID, "--key-id", keyID, "--patch-operations", "op=replace,path=/remaining,value=7")
	require.NoError(t, gw.stop())

	log := gw.logs.String()
	for _, want := range []string{
		`action=create kind=key id=` + keyID,
		`action=create kind=plan id=` + planID,
		`action=link kind=link id=` + keyID + "/" + planID,
		`action=extend kind=allowance id=` + keyID + "/" + planID + `/day before.limit=5 before.remaining=5 after.limit=7 after.remaining=7`,
	} {
		require.Contains(t, log, `msg="ration: changed" actor="aws test" `+want)
	}
	require.NotContains(t, log, value)

	st := must(stores.Open(t.Context(), path, slog.New(slog.DiscardHandler)))
	defer st.Close()
	entries, _, err := historyStore(st, history.Bounds{}).List(t.Context(), history.Filter{}, "", 10)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	require.Equal(t, history.Extend, entries[0].Action)
	require.Equal(t, history.Actor{Kind: history.ActorAWS, Name: "test"}, entries[1].Actor)
}

// TestNoHistory turns the history off.
func TestNoHistory(t *testing.T) {
	t.Parallel()
	gw := start(t, "-history", "0")
	gw.plan(perDay(5))
	require.NotContains(t, gw.logs.String(), "ration: changed")
	_, err := parse([]string{"-history", "-1"}, &gw.logs)
	require.ErrorContains(t, err, "-history -1: want 0 or more")
}
