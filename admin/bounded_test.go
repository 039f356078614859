package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// TestManyLinks checks that a key with many plans makes no page long, and that the pages
// tell how many plans and quotas they leave out.
func TestManyLinks(t *testing.T) {
	f := newFixture(t)
	f.key(apikey.Key{ID: "k"})
	for i := range 120 {
		p := must(usageplan.Parse(fmt.Sprintf("p%03d", i), "unlimited", "1000/day", "9/hour"))
		p.Stages = []usageplan.Stage{{API: p.ID, Name: "prod"}}
		_, err := f.plans.Create(t.Context(), p)
		require.NoError(t, err)
		require.NoError(t, f.plans.Link(t.Context(), p.ID, "k"))
	}
	page := f.get("/usage/keys/k")
	require.Equal(t, 100, strings.Count(page, "/keys/k/unlink?"))
	require.Contains(t, page, "and 20 more plans")
	require.Equal(t, 100, strings.Count(page, "/keys/k/extend?"))
	require.Contains(t, page, "and 140 more quotas")

	list := f.get("/usage/keys")
	require.Equal(t, 5, strings.Count(list, `href="/usage/plans/p`))
	require.Contains(t, list, "115 more")
}
