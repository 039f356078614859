package admin_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
)

// TestManyChoices creates a key with a plan and in a group for which a list has no room:
// they were made first, and lists begin with the newest.
func TestManyChoices(t *testing.T) {
	f := newFixture(t)
	for i := range 501 {
		id := fmt.Sprintf("g%03d", i)
		f.plan(id, "unlimited", "5/day")
		_, err := f.groups.Create(t.Context(), usageplan.Group{ID: id})
		require.NoError(t, err)
	}
	for query, name := range map[string]string{"plan=g000": "plan", "group=g000": "group"} {
		form := f.get("/usage/new-key?" + query)
		require.Contains(t, form, `name="`+name+`" value="g000"`, "what the link says is filled in")
	}
	status, page, _ := f.post("/usage/new-key", "/usage/new-key", fields{"plan": "g000", "group": "g000"})
	require.Equal(t, http.StatusOK, status, page)
	k, err := f.keys.GetBySecret(t.Context(), secretOn(page))
	require.NoError(t, err)
	require.Equal(t, "g000", k.GroupID)
	links, err := f.plans.KeyLinks(t.Context(), k.ID)
	require.NoError(t, err)
	require.Len(t, links, 1)
}
