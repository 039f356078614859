package redis

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/internal/redistest"
)

// TestStoreShowsNoPassword prints a Store in every way: before it has connected, when it
// has, and when it could not.
func TestStoreShowsNoPassword(t *testing.T) {
	const password = "hunter2pass"
	addr := redistest.Start(t, "--requirepass", password)
	open := func(url string) *Store {
		s, err := Open(url, Config{Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		t.Cleanup(s.Close)
		return s
	}
	idle := open("redis://:" + password + "@" + addr)
	used := open("redis://default:" + password + "@" + addr)
	require.NoError(t, used.Take(t.Context(), one("a")))
	wrong := open("redis://" + password + ":" + password + "@" + addr)
	require.Error(t, wrong.Take(t.Context(), one("a")))
	client := newStore(t, used.link.Load().client, decisionScripts)
	values := map[string]any{
		"Store, idle": idle, "Store, used": used, "Store, wrong": wrong, "Store over a client": client, "Store, copied": reflect.ValueOf(used).Elem().Interface(),
		"Config": Config{Logger: slog.New(slog.DiscardHandler)}, "Stats": used.Stats(), "Store": struct{ S *Store }{used}, "Store, hidden": struct{ s *Store }{used},
	}
	leak.Complete(t, values)
	values["a history"] = used.History(history.Bounds{})
	leak.Check(t, password, values)
	for _, s := range []*Store{idle, used, wrong, client} {
		for how, text := range leak.Texts(s) {
			require.Less(t, len(text), 400, "%s: %s", how, text)
		}
		require.Equal(t, `redis.Store("ration")`, fmt.Sprint(s))
		require.NotContains(t, strings.ToLower(fmt.Sprintf("%+v", s)), "addr")
	}
	var none *Store
	require.Equal(t, "redis.Store(nil)", fmt.Sprintf("%+v", none))
}
