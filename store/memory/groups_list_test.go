package memory_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestNarrowGroupFilter walks through many groups to find few. No page looks at more than
// 1,000.
func TestNarrowGroupFilter(t *testing.T) {
	s := memory.New(memory.Config{})
	for i := range 4500 {
		g := usageplan.Group{ID: id(i), ParentID: fmt.Sprint("parent ", i%10), PlanID: fmt.Sprint("plan ", i%100)}
		require.NoError(t, s.InsertGroup(t.Context(), g))
	}
	for f, want := range map[usageplan.GroupFilter]int{
		{}:                     4500,
		{ParentID: "parent 3"}: 450,
		{PlanID: "plan 13"}:    45,
		{ParentID: "parent 3", PlanID: "plan 13"}: 45,
		{ParentID: "parent 4", PlanID: "plan 13"}: 0,
		{ParentID: id(3)}:                         0,
		{PlanID: "plan"}:                          0,
	} {
		groups, pages := 0, 0
		for cursor, next := "", "?"; next != ""; cursor = next {
			var page []usageplan.Group
			var err error
			page, next, err = s.Groups(t.Context(), f, cursor, 1<<30)
			require.NoError(t, err)
			for _, g := range page {
				require.True(t, f.Passes(&g))
			}
			groups += len(page)
			pages++
		}
		require.Equal(t, want, groups, f)
		require.Equal(t, 5, pages, f)
	}
}

// TestGroupListing lists the groups below a parent while others are inserted, changed and
// deleted, and the Store is saved and loaded between two pages. A group that exists
// throughout is listed once, newest first.
func TestGroupListing(t *testing.T) {
	for seed := range uint64(10) {
		rnd, s, ctx := rand.New(rand.NewPCG(seed, 2)), memory.New(memory.Config{}), t.Context()
		born := 0
		insert := func() {
			g := usageplan.Group{ID: id(born), ParentID: fmt.Sprint("parent ", born%3)}
			require.NoError(t, s.InsertGroup(ctx, g))
			born++
		}
		for range 2000 {
			insert()
		}
		stays := map[string]bool{}
		for i := 0; i < born; i += 3 {
			stays[id(i)] = true
		}

		var listed []string
		for cursor, next := "", "?"; next != ""; cursor = next {
			var page []usageplan.Group
			var err error
			page, next, err = s.Groups(ctx, usageplan.GroupFilter{ParentID: "parent 0"}, cursor, 1+rnd.IntN(100))
			require.NoError(t, err)
			for _, g := range page {
				listed = append(listed, g.ID)
			}
			for range 100 {
				changeGroup(t, s, id(rnd.IntN(born)), rnd, stays)
			}
			insert()
			if rnd.IntN(4) == 0 {
				s = reload(t, s)
			}
		}
		require.True(t, slices.IsSortedFunc(listed, func(a, b string) int { return strings.Compare(b, a) }), "seed %d", seed)
		require.Len(t, slices.Compact(slices.Clone(listed)), len(listed), "seed %d", seed)
		listed = slices.DeleteFunc(listed, func(id string) bool { return !stays[id] })
		require.Len(t, listed, len(stays), "seed %d", seed)
		require.Greater(t, len(stays), 100, "seed %d", seed)
	}
}

// changeGroup deletes a group, or moves it to the parent 1, or gives it a name.
func changeGroup(t *testing.T, s *memory.Store, id string, rnd *rand.Rand, stays map[string]bool) {
	g, err := s.Group(t.Context(), id)
	if err != nil {
		require.ErrorIs(t, err, usageplan.ErrNotFound)
		return
	}
	switch rnd.IntN(3) {
	case 0:
		delete(stays, id)
		require.NoError(t, s.DeleteGroup(t.Context(), id, 0))
		return
	case 1:
		delete(stays, id)
		g.ParentID = "parent 1"
	default:
		g.Name += "x"
	}
	require.NoError(t, s.UpdateGroup(t.Context(), g))
}

// TestKeysOfGroup lists the keys of a group. Those of groups below it are not among them.
func TestKeysOfGroup(t *testing.T) {
	s, ctx := fill(t, 3000), t.Context()
	for i, group := range map[int]string{5: "acme", 77: "team", 1500: "acme", 2999: "acme"} {
		k := must(s.Key(ctx, id(i)))
		k.GroupID = group
		require.NoError(t, s.UpdateKey(ctx, k))
	}
	require.NoError(t, s.InsertGroup(ctx, usageplan.Group{ID: "team", ParentID: "acme"}))
	var found []string
	for cursor, next := "", "?"; next != ""; cursor = next {
		var page []apikey.Key
		var err error
		page, next, err = s.Keys(ctx, apikey.Filter{GroupID: "acme"}, cursor, 10)
		require.NoError(t, err)
		for _, k := range page {
			found = append(found, k.ID)
		}
	}
	require.Equal(t, []string{id(2999), id(1500), id(5)}, found)
}

// TestGroupsAreSaved saves groups with all fields set, and loads them. The numbers that
// the Store gives go on, so an old cursor stays valid.
func TestGroupsAreSaved(t *testing.T) {
	s, ctx := memory.New(memory.Config{}), t.Context()
	zone, err := time.LoadLocation("Europe/Vienna")
	require.NoError(t, err)
	full := usageplan.Group{
		ID: "acme", Name: "Acme \x7f\tÖ", ParentID: "root", PlanID: "acme",
		Throttle:  &limiter.Limit{Rate: 1.0 / 3, Burst: 7},
		Throttles: []usageplan.Throttle{{Limit: limiter.PerMinute(100_000), Unit: "tokens", Name: "tpm"}, {}},
		Quotas:    []quota.Quota{{Limit: 5, Unit: "tokens", Period: quota.Month, StartDay: 3, Location: zone}},
		Created:   t0, Updated: t0.Add(time.Microsecond),
	}
	unlimited := usageplan.Group{ID: "unlimited", PlanID: "acme", Throttles: []usageplan.Throttle{}, Quotas: []quota.Quota{}}
	for _, g := range []usageplan.Group{full, {ID: "counts"}, unlimited, {ID: "deleted"}} {
		require.NoError(t, s.InsertGroup(ctx, g))
	}
	full.Version = 1
	require.NoError(t, s.UpdateGroup(ctx, full))
	require.NoError(t, s.DeleteGroup(ctx, "deleted", 1))
	first, next, err := s.Groups(ctx, usageplan.GroupFilter{}, "", 1)
	require.NoError(t, err)
	require.Equal(t, "unlimited", first[0].ID)

	again := reload(t, s)
	for _, id := range []string{"acme", "counts", "unlimited"} {
		want, got := must(s.Group(ctx, id)), must(again.Group(ctx, id))
		require.Equal(t, string(must(json.Marshal(want))), string(must(json.Marshal(got))))
		require.Equal(t, want.Quotas == nil, got.Quotas == nil, id)
	}
	_, err = again.Group(ctx, "deleted")
	require.ErrorIs(t, err, usageplan.ErrNotFound)
	require.NoError(t, again.InsertGroup(ctx, usageplan.Group{ID: "late"}))
	require.Equal(t, []string{"counts", "acme"}, groupIDs(t, again, next))
	require.Equal(t, []string{"late", "unlimited", "counts", "acme"}, groupIDs(t, again, ""))
}

// groupIDs returns the IDs of a page of groups.
func groupIDs(t *testing.T, s *memory.Store, cursor string) (ids []string) {
	page, next, err := s.Groups(t.Context(), usageplan.GroupFilter{}, cursor, 9)
	require.NoError(t, err)
	require.Empty(t, next)
	for _, g := range page {
		ids = append(ids, g.ID)
	}
	return ids
}
