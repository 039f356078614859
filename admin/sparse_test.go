package admin_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
)

// sparse is a history whose first pages have no entry that a filter selects, as a store
// may have that looks at few entries at a time.
type sparse struct {
	admin.Lister
	pages int
}

func (s *sparse) List(ctx context.Context, f history.Filter, cursor string, limit int) ([]history.Entry, string, error) {
	at, _ := strconv.Atoi(strings.TrimPrefix(cursor, "empty-"))
	if f.ID != "" && (cursor == "" || strings.HasPrefix(cursor, "empty-")) {
		if at < s.pages {
			return nil, "empty-" + strconv.Itoa(at+1), nil
		}
		cursor = ""
	}
	return s.Lister.List(ctx, f, cursor, limit)
}

// TestSparseHistory checks that pages show old changes, although many changes of others
// came after them.
func TestSparseHistory(t *testing.T) {
	past := &sparse{pages: 9}
	f := newFixture(t, func(cfg *admin.Config, _ *backend) {
		past.Lister = cfg.History
		cfg.History = past
	})
	f.plan("gold", "unlimited", "5/day")
	f.key(apikey.Key{ID: "k"}, "gold")
	for path, want := range map[string]string{
		"/usage/keys/k": "All changes of this key", "/usage/plans/gold": "All changes of this plan",
		"/usage/changes?id=k": "create</strong> key", "/usage/changes?id=gold": "create</strong> plan",
	} {
		page := f.get(path)
		require.Contains(t, page, want)
		require.Contains(t, page, `<strong>create</strong>`, path)
	}
	for _, path := range []string{"/usage/keys/k", "/usage/changes?id=none"} {
		past.pages = 1 << 30
		page := f.get(path)
		require.Contains(t, page, "older changes to look at", path)
		past.pages = 9
	}
	require.NotContains(t, f.get("/usage/changes?id=none"), "older changes to look at")
}
