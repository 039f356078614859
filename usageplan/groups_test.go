package usageplan_test

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestNewGroups checks that all faults are reported at once, and that a store without
// groups is refused.
func TestNewGroups(t *testing.T) {
	st, none := memory.New(memory.Config{}), (*memory.Store)(nil)
	_, err := usageplan.NewGroups(nil, none, none, usageplan.Config{})
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	for _, want := range []string{"keys: nil: want", "plans: nil *memory.Store: want", "counter: nil *memory.Store: want"} {
		require.ErrorContains(t, err, want)
	}
	_, err = usageplan.NewGroups(st, struct{ usageplan.Store }{st}, st, usageplan.Config{})
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	require.ErrorIs(t, err, usageplan.ErrNoGroups)
	_, err = usageplan.NewGroups(st, nil, st, usageplan.Config{})
	require.NotErrorIs(t, err, usageplan.ErrNoGroups)
	require.ErrorContains(t, err, "plans: nil: want a usageplan.GroupStore")
}

// TestCreateGroup creates groups that fit into the families and groups that do not.
func TestCreateGroup(t *testing.T) {
	for _, c := range []struct {
		group usageplan.Group
		want  error
		text  string
	}{
		{usageplan.Group{ID: "new"}, nil, ""},
		{usageplan.Group{ID: "new", ParentID: "alone", PlanID: "pro", Quotas: perDay(5)}, nil, ""},
		{usageplan.Group{ID: "new", ParentID: "help"}, nil, ""},
		{usageplan.Group{ID: "new", ParentID: "deep"}, usageplan.ErrInvalid, `parentId: "deep": has 3 groups up to the root: want at most 2`},
		{usageplan.Group{ID: "new", ParentID: "nobody"}, usageplan.ErrNotFound, "group nobody: "},
		{usageplan.Group{ID: "new", PlanID: "nothing"}, usageplan.ErrNotFound, "plan nothing of group new: "},
		{usageplan.Group{ID: "acme"}, usageplan.ErrExists, "create group acme: "},
		{usageplan.Group{ID: "acme", ParentID: "blue"}, usageplan.ErrExists, ""},
		{usageplan.Group{ID: "new", ParentID: "new"}, usageplan.ErrInvalid, "want another group"},
	} {
		h := newFamilies(t)
		before := h.tree()
		got, err := h.groups.Create(t.Context(), c.group)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, "%+v", c.group)
			require.ErrorContains(t, err, c.text)
			require.Equal(t, before, h.tree())
			continue
		}
		require.NoError(t, err, "%+v", c.group)
		stored, err := h.groups.Get(t.Context(), "new")
		require.NoError(t, err)
		require.Equal(t, stored, got)
		require.EqualValues(t, 1, got.Version)
		require.Equal(t, got.Created, got.Updated)
		require.Equal(t, c.group.Quotas, got.Quotas)
	}
}

// TestCreateGroupID checks that Create generates an ID, and ignores the fields that it
// sets.
func TestCreateGroupID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFamilies(t)
		long := time.Now().AddDate(-1, 0, 0)
		g, err := h.groups.Create(t.Context(), usageplan.Group{Name: "Acme", Version: 9, Created: long, Updated: long})
		require.NoError(t, err)
		require.Regexp(t, "^[a-z2-7]{10}$", g.ID)
		now := time.Now().UTC().Truncate(time.Microsecond)
		require.Equal(t, usageplan.Group{ID: g.ID, Name: "Acme", Version: 1, Created: now, Updated: now}, g)
	})
}

// TestMoveGroup changes the parents of groups, one after another.
func TestMoveGroup(t *testing.T) {
	const (
		cannotLeave = "which the group cannot leave"
		staysRoot   = "the root of a family stays its root"
		noRoot      = "it cannot become a root"
	)
	h := newFamilies(t)
	for _, step := range []struct {
		id, parent string
		want       error
		text       string
	}{
		{"deep", "help", nil, ""},
		{"help", "search", usageplan.ErrInvalid, "group deep would have more than 3 groups up to the root"},
		{"deep", "search", nil, ""},
		{"help", "search", nil, ""},
		{"search", "help", usageplan.ErrInvalid, `parentId: "help": is below the group itself`},
		{"search", "search", usageplan.ErrInvalid, "want another group"},
		{"deep", "help", usageplan.ErrInvalid, `parentId: "help": has 3 groups up to the root: want at most 2`},
		{"deep", "acme", nil, ""},
		{"help", "deep", nil, ""},
		{"help", "help", usageplan.ErrInvalid, "want another group"},
		{"deep", "blue", usageplan.ErrInvalid, cannotLeave},
		{"deep", "sales", usageplan.ErrInvalid, cannotLeave},
		{"deep", "alone", usageplan.ErrInvalid, "is in the family of alone: want a group in the family of acme"},
		{"acme", "blue", usageplan.ErrInvalid, staysRoot},
		{"acme", "deep", usageplan.ErrInvalid, staysRoot},
		{"alone", "acme", usageplan.ErrInvalid, staysRoot},
		{"deep", "", usageplan.ErrInvalid, noRoot},
		{"deep", "nobody", usageplan.ErrNotFound, "group nobody: "},
		{"nobody", "acme", usageplan.ErrNotFound, "group nobody: "},
		{"help", "acme", nil, ""},
		{"deep", "search", nil, ""},
	} {
		before := h.tree()
		err := h.move(step.id, step.parent)
		if step.want != nil {
			require.ErrorIs(t, err, step.want, "%s below %s", step.id, step.parent)
			require.NotErrorIs(t, err, usageplan.ErrConflict)
			require.ErrorContains(t, err, step.text, "%s below %s", step.id, step.parent)
			require.Equal(t, before, h.tree())
			continue
		}
		require.NoError(t, err, "%s below %s", step.id, step.parent)
		require.Contains(t, h.tree(), step.id+"<"+step.parent)
	}
	require.Equal(t, newFamilies(t).tree(), h.tree())
}

// TestUpdateGroup checks what Update keeps, and that a group whose plan is gone can still
// be changed.
func TestUpdateGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newFamilies(t), t.Context()
		old, err := h.groups.Get(ctx, "help")
		require.NoError(t, err)
		time.Sleep(time.Hour)
		got, err := h.groups.Update(ctx, "help", func(g *usageplan.Group) error {
			g.ID, g.Version, g.Created, g.Updated = "other", 77, time.Time{}, time.Time{}
			g.Name, g.PlanID, g.Throttle = "Help", "pro", throttle(5, 9)
			return nil
		})
		require.NoError(t, err)
		want := old
		want.Name, want.PlanID, want.Throttle = "Help", "pro", throttle(5, 9)
		want.Version, want.Updated = 2, old.Created.Add(time.Hour)
		require.Equal(t, want, got)

		for text, change := range map[string]func(*usageplan.Group) error{
			"broken":                   func(*usageplan.Group) error { return errBroken },
			"plan nothing of group":    func(g *usageplan.Group) error { g.PlanID = "nothing"; return nil },
			"throttle.rate: -1":        func(g *usageplan.Group) error { g.Throttle.Rate = -1; return nil },
			"without a planId: want":   func(g *usageplan.Group) error { g.PlanID = ""; return nil },
			"quotas[0].limit: -1":      func(g *usageplan.Group) error { g.Quotas = perDay(-1); return nil },
			`parentId: "a b": want 1`:  func(g *usageplan.Group) error { g.ParentID = "a b"; return nil },
			"name: 1025 characters: w": func(g *usageplan.Group) error { g.Name = strings.Repeat("x", 1025); return nil },
		} {
			_, err := h.groups.Update(ctx, "help", change)
			require.ErrorContains(t, err, text)
			stored, err := h.groups.Get(ctx, "help")
			require.NoError(t, err)
			require.Equal(t, want, stored)
		}
		require.NoError(t, h.st.DeletePlan(ctx, "pro", 0))
		_, err = h.groups.Update(ctx, "help", func(g *usageplan.Group) error { g.Name = "renamed"; return nil })
		require.NoError(t, err)
	})
}

// TestPutGroup starts a service several times. Put writes a group only if it differs.
func TestPutGroup(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	for _, start := range []struct {
		group   usageplan.Group
		version int64
	}{
		{usageplan.Group{ID: "new", ParentID: "acme", PlanID: "pro"}, 1},
		{usageplan.Group{ID: "new", ParentID: "acme", PlanID: "pro", Version: 9, Created: time.Now()}, 1},
		{usageplan.Group{ID: "new", ParentID: "help", PlanID: "pro"}, 2},
		{usageplan.Group{ID: "new", ParentID: "help", PlanID: "pro", Quotas: perDay(0)[:0]}, 3},
		{usageplan.Group{ID: "new", ParentID: "help", PlanID: "pro", Quotas: perDay(0)[:0]}, 3},
		{usageplan.Group{ID: "new", ParentID: "help"}, 4},
	} {
		put, err := h.groups.Put(ctx, start.group)
		require.NoError(t, err)
		got, err := h.groups.Get(ctx, "new")
		require.NoError(t, err)
		assert.Equal(t, got, put)
		assert.Equal(t, start.version, got.Version, "%+v", start.group)
		assert.Equal(t, start.group.Quotas == nil, got.Quotas == nil)
	}
	for text, bad := range map[string]usageplan.Group{
		"id: empty: want":             {},
		"cannot leave":                {ID: "new", ParentID: "blue"},
		"group nobody: ":              {ID: "new", ParentID: "nobody"},
		"plan nothing of group new":   {ID: "new", ParentID: "help", PlanID: "nothing"},
		"group gone: ":                {ID: "newer", ParentID: "gone"},
		"plan nothing of group newer": {ID: "newer", PlanID: "nothing"},
	} {
		began := time.Now()
		_, err := h.groups.Put(ctx, bad)
		require.ErrorContains(t, err, text)
		require.Less(t, time.Since(began), 300*time.Millisecond, "a fault is not retried")
	}
	got, err := h.groups.Get(ctx, "new")
	require.NoError(t, err)
	require.EqualValues(t, 4, got.Version, "a fault changes nothing")
}

// TestPutGroupAtOnce starts eight processes at the same time.
func TestPutGroupAtOnce(t *testing.T) {
	h := newFamilies(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := h.groups.Put(t.Context(), usageplan.Group{ID: "new", ParentID: "help", PlanID: "pro"})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	g, err := h.groups.Get(t.Context(), "new")
	require.NoError(t, err)
	require.EqualValues(t, 1, g.Version)
}

// TestDeleteGroup deletes families from the bottom to the root. A group in use stays.
func TestDeleteGroup(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	h.key("crawler", "search")
	h.key("ranker", "deep")
	for _, step := range []struct {
		id   string
		want error
		text string
	}{
		{"acme", usageplan.ErrInUse, "delete group acme: group help is below it: "},
		{"search", usageplan.ErrInUse, "group deep is below it"},
		{"deep", usageplan.ErrInUse, "delete group deep: key ranker is in it: "},
		{"help", nil, ""},
		{"help", usageplan.ErrNotFound, "group help: "},
		{"nobody", usageplan.ErrNotFound, ""},
		{"alone", nil, ""},
	} {
		before := h.tree()
		err := h.groups.Delete(ctx, step.id)
		if step.want != nil {
			require.ErrorIs(t, err, step.want, step.id)
			require.ErrorContains(t, err, step.text)
			require.Equal(t, before, h.tree())
			continue
		}
		require.NoError(t, err, step.id)
	}
	require.NoError(t, h.keys.Delete(ctx, "ranker"))
	require.NoError(t, h.groups.Delete(ctx, "deep"))
	require.ErrorContains(t, h.groups.Delete(ctx, "search"), "key crawler is in it")
	require.Equal(t, []string{"acme<", "blue<", "sales<blue", "search<acme"}, h.tree())
}
