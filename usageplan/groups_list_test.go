package usageplan_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// TestListGroups pages through groups, and checks the bounds of a page.
func TestListGroups(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	for i := range 30 {
		h.group(fmt.Sprintf("team-%02d", i), "blue")
	}
	f := usageplan.GroupFilter{ParentID: "blue"}
	var ids []string
	for cursor, more := "", true; more; more = cursor != "" {
		page, next, err := h.groups.List(ctx, f, cursor, 0)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page), 25)
		for _, g := range page {
			ids = append(ids, g.ID)
		}
		cursor = next
	}
	require.Len(t, ids, 31)
	require.Equal(t, []string{"team-29", "team-28"}, ids[:2])
	require.Equal(t, "sales", ids[30])
	for _, limit := range []int{-1, 501} {
		_, _, err := h.groups.List(ctx, f, "", limit)
		require.ErrorIs(t, err, usageplan.ErrInvalid)
	}
	_, _, err := h.groups.List(ctx, f, "?", 1)
	require.ErrorIs(t, err, usageplan.ErrInvalid)

	var all []string
	for g, err := range h.groups.All(ctx, f) {
		require.NoError(t, err)
		all = append(all, g.ID)
	}
	require.Equal(t, ids, all)
}

// TestCheckGroup checks that a key can be created only in a group that exists up to the
// root.
func TestCheckGroup(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	require.NoError(t, h.st.DeleteGroup(ctx, "blue", 0))
	for id, want := range map[string]error{"": nil, "acme": nil, "deep": nil, "nobody": usageplan.ErrNotFound, "blue": usageplan.ErrNotFound, "sales": usageplan.ErrNotFound} {
		require.ErrorIs(t, h.groups.Check(ctx, id), want)
		_, _, err := h.keys.Create(ctx, apikey.Key{GroupID: id})
		require.ErrorIs(t, err, want)
	}
}
