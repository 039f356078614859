package usageplan_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
)

// TestGroupRaces makes two changes that are each valid, and that break a family together.
// The other change is made just before the first one is written, so only a look after the
// write can find it. The first change must be taken back, and its retry gets a clear
// error.
func TestGroupRaces(t *testing.T) {
	move := func(id, parent string) func(*families) error {
		return func(h *families) error { return h.move(id, parent) }
	}
	for name, c := range map[string]struct {
		change func(*families, *usageplan.Groups) error
		other  func(*families) error
		want   error
		text   string
		tree   []string // of the family acme
	}{
		"a cycle": {
			func(h *families, g *usageplan.Groups) error { return moveGroup(t.Context(), g, "deep", "help") },
			move("help", "deep"), usageplan.ErrInvalid, "is below the group itself",
			[]string{"acme<", "deep<acme", "help<deep", "search<acme"},
		},
		"a chain that is too long": {
			func(h *families, g *usageplan.Groups) error { return moveGroup(t.Context(), g, "deep", "help") },
			move("help", "search"), usageplan.ErrInvalid, "has 3 groups up to the root",
			[]string{"acme<", "deep<acme", "help<search", "search<acme"},
		},
		"a child of a group that moves deeper": {
			func(h *families, g *usageplan.Groups) error {
				_, err := g.Create(t.Context(), usageplan.Group{ID: "new", ParentID: "help"})
				return err
			},
			move("help", "search"), usageplan.ErrInvalid, "has 3 groups up to the root",
			[]string{"acme<", "deep<acme", "help<search", "search<acme"},
		},
		"a group that moves deeper and gets a child": {
			func(h *families, g *usageplan.Groups) error { return moveGroup(t.Context(), g, "help", "search") },
			func(h *families) error {
				_, err := h.groups.Create(t.Context(), usageplan.Group{ID: "new", ParentID: "help"})
				return err
			}, usageplan.ErrInvalid, "group new would have more than 3",
			[]string{"acme<", "deep<acme", "help<acme", "new<help", "search<acme"},
		},
		"a child of a group that is deleted": {
			func(h *families, g *usageplan.Groups) error {
				_, err := g.Create(t.Context(), usageplan.Group{ID: "new", ParentID: "help"})
				return err
			},
			func(h *families) error { return h.groups.Delete(t.Context(), "help") }, usageplan.ErrNotFound, "group help: ",
			[]string{"acme<", "deep<acme", "search<acme"},
		},
		"a parent that is deleted": {
			func(h *families, g *usageplan.Groups) error { return moveGroup(t.Context(), g, "deep", "help") },
			func(h *families) error { return h.groups.Delete(t.Context(), "help") }, usageplan.ErrNotFound, "group help: ",
			[]string{"acme<", "deep<acme", "search<acme"},
		},
		"two moves that fit": {
			func(h *families, g *usageplan.Groups) error { return moveGroup(t.Context(), g, "deep", "help") },
			func(h *families) error { return h.move("search", "help") }, nil, "",
			[]string{"acme<", "deep<help", "help<acme", "search<help"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFamilies(t)
			require.NoError(t, h.move("deep", "acme"))
			err := c.change(h, h.meddled(func() { assert.NoError(t, c.other(h)) }, nil))
			require.ErrorIs(t, err, c.want)
			if c.want != nil {
				require.ErrorContains(t, err, c.text)
			}
			require.Equal(t, append(c.tree, "alone<", "blue<", "sales<blue"), reorder(h.tree()))
		})
	}
}

// reorder puts the other families to the end.
func reorder(tree []string) (all []string) {
	var others []string
	for _, g := range tree {
		if g == "alone<" || g == "blue<" || g == "sales<blue" {
			others = append(others, g)
		} else {
			all = append(all, g)
		}
	}
	return append(all, others...)
}

// TestMoveTakenBack checks what becomes of the other fields, and of changes that others
// make to the group before its old parent is put back.
func TestMoveTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		after func(*families) // just after the write
		want  usageplan.Group
	}{
		"nobody":     {nil, usageplan.Group{ParentID: "acme", Name: "", Version: 4}},
		"a new name": {func(h *families) { h.rename("deep", "theirs") }, usageplan.Group{ParentID: "acme", Name: "theirs", Version: 5}},
		"another parent": {func(h *families) {
			assert.NoError(h.t, h.st.UpdateGroup(h.t.Context(), usageplan.Group{ID: "deep", ParentID: "search", Version: 3}))
		}, usageplan.Group{ParentID: "search", Name: "", Version: 4}},
		"a deletion": {func(h *families) { assert.NoError(h.t, h.st.DeleteGroup(h.t.Context(), "deep", 0)) }, usageplan.Group{}},
	} {
		t.Run(name, func(t *testing.T) {
			h, ctx := newFamilies(t), t.Context()
			require.NoError(t, h.move("deep", "acme"))
			before := func() { assert.NoError(t, h.move("help", "search")) }
			after := func() {
				if c.after != nil {
					c.after(h)
				}
			}
			tries := 0
			_, err := h.meddled(before, after).Update(ctx, "deep", func(g *usageplan.Group) error {
				if tries++; tries > 1 {
					return errBroken
				}
				g.ParentID, g.Name = "help", "ours"
				return nil
			})
			if c.want.Version == 0 {
				require.ErrorIs(t, err, usageplan.ErrNotFound)
				return
			}
			require.ErrorIs(t, err, errBroken)
			got, err := h.groups.Get(ctx, "deep")
			require.NoError(t, err)
			require.Equal(t, c.want, usageplan.Group{ParentID: got.ParentID, Name: got.Name, Version: got.Version})
		})
	}
}

func (h *families) rename(id, name string) {
	_, err := h.groups.Update(h.t.Context(), id, func(g *usageplan.Group) error { g.Name = name; return nil })
	assert.NoError(h.t, err)
}

// TestMovesAtOnce moves groups below one another, all at the same time and all between
// the reads and the write of one another. No cycle and no fourth level may remain.
func TestMovesAtOnce(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			h := newFamilies(t)
			require.NoError(t, h.move("deep", "acme"))
			ids := []string{"search", "help", "deep"}
			var barrier, wg sync.WaitGroup
			barrier.Add(len(ids))
			var moved atomic.Int64
			for i, id := range ids {
				groups := h.meddled(func() { barrier.Done(); barrier.Wait() }, nil)
				wg.Go(func() {
					switch err := moveGroup(t.Context(), groups, id, ids[(i+1)%len(ids)]); {
					case err == nil:
						moved.Add(1)
					case !errors.Is(err, usageplan.ErrInvalid) && !errors.Is(err, usageplan.ErrConflict):
						assert.NoError(t, err)
					}
				})
			}
			wg.Wait()
			for _, id := range ids {
				above, err := usageplan.Lineage(t.Context(), h.st, id)
				require.NoError(t, err)
				require.Equal(t, "acme", above[len(above)-1].ID)
			}
			require.LessOrEqual(t, moved.Load(), int64(1), "no two of the moves fit together")
		})
	}
}

// TestMendFamilies mends what only a crash between two concurrent changes can leave: a
// cycle, a fourth level, a missing parent.
func TestMendFamilies(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	h.put("search", "deep") // a cycle
	require.ErrorIs(t, h.groups.Check(ctx, "deep"), usageplan.ErrInvalid)
	require.ErrorIs(t, h.move("search", "nobody"), usageplan.ErrNotFound)
	require.NoError(t, h.move("search", "acme"))
	require.NoError(t, h.groups.Check(ctx, "deep"))

	h.group("five", "search")
	h.put("search", "help") // deep and five are on a fourth level
	require.ErrorContains(t, h.move("deep", "blue"), "cannot leave")
	require.NoError(t, h.move("deep", "help"))
	require.ErrorIs(t, h.groups.Check(ctx, "five"), usageplan.ErrInvalid)
	require.NoError(t, h.move("search", "acme"))
	require.NoError(t, h.groups.Check(ctx, "five"))

	require.NoError(t, h.st.DeleteGroup(ctx, "search", 0))
	require.ErrorIs(t, h.move("five", "help"), usageplan.ErrNotFound, "the family is unknown")
	h.group("search", "acme")
	require.NoError(t, h.groups.Check(ctx, "five"))
	require.NoError(t, h.move("five", "help"))
}
