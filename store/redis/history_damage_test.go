package redis

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/redistest"
)

// TestDamagedHistory has an item that is no entry, and a key of another type. The errors
// name them, and entries can be added beside a damaged one.
func TestDamagedHistory(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	h := s.History(history.Bounds{})
	key := s.directoryKey("history")
	e := history.Entry{At: historyTime, Action: history.Create, Kind: history.KindKey, ID: "ann"}

	for _, text := range []string{"{", "", `{"at":"yesterday"}`} {
		require.NoError(t, client.Do(t.Context(), client.B().Xadd().Key(key).Id("*").FieldValue().FieldValue("entry", text).Build()).Error())
		_, _, err := h.List(t.Context(), history.Filter{}, "", 10)
		require.ErrorContains(t, err, "store/redis: list the history: item ", text)
		require.NoError(t, h.Append(t.Context(), e))
		page, cursor, err := h.List(t.Context(), history.Filter{}, "", 1)
		require.NoError(t, err)
		require.Equal(t, []history.Entry{e}, page)
		require.NotEmpty(t, cursor)
		require.NoError(t, client.Do(t.Context(), client.B().Del().Key(key).Build()).Error())
	}

	require.NoError(t, client.Do(t.Context(), client.B().Set().Key(key).Value("x").Build()).Error())
	require.ErrorContains(t, h.Append(t.Context(), e), "WRONGTYPE")
	_, _, err := h.List(t.Context(), history.Filter{}, "", 10)
	require.ErrorContains(t, err, "WRONGTYPE")
}

// TestLongHistory has more entries than are examined for a page, of which a filter
// selects few.
func TestLongHistory(t *testing.T) {
	t.Parallel()
	s := newStore(t, dial(t, redistest.Start(t)), decisionScripts)
	h := s.History(history.Bounds{})
	const all = 2*maxListed + 7
	for i := range all {
		e := history.Entry{At: historyTime, Action: history.Update, Kind: history.KindKey, ID: "many"}
		if i%maxListed == 3 {
			e.ID = "few"
		}
		require.NoError(t, h.Append(t.Context(), e))
	}
	for id, want := range map[string]int{"few": 3, "many": all - 3, "none": 0, "": all} {
		found, pages := 0, 0
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := h.List(t.Context(), history.Filter{ID: id}, cursor, 10_000)
			require.NoError(t, err)
			found, cursor = found+len(page), next
			pages++
		}
		require.Equal(t, want, found, id)
		require.Equal(t, 3, pages)
	}
}

var historyTime = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
