package usageplan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// families holds the services of a program, on one store in memory.
type families struct {
	t      *testing.T
	st     *memory.Store
	keys   *apikey.Service
	plans  *usageplan.Service
	groups *usageplan.Groups
}

// newFamilies returns two families, acme and blue, and a group outside of them. The plan
// pro exists.
//
//	acme        blue        alone
//	├─ search   └─ sales
//	│  └─ deep
//	└─ help
func newFamilies(t *testing.T) *families {
	st := memory.New(memory.Config{})
	groups := must(usageplan.NewGroups(st, st, st, usageplan.Config{}))
	h := &families{
		t, st, must(apikey.NewService(st, apikey.Config{CheckGroup: groups.Check})), must(usageplan.NewService(st, st, usageplan.Config{})), groups,
	}
	_, err := h.plans.Create(t.Context(), usageplan.Plan{ID: "pro", Quotas: perDay(100)})
	require.NoError(t, err)
	for _, g := range [][2]string{{"acme", ""}, {"blue", ""}, {"alone", ""}, {"search", "acme"}, {"help", "acme"}, {"sales", "blue"}, {"deep", "search"}} {
		h.group(g[0], g[1])
	}
	return h
}

func (h *families) group(id, parent string) usageplan.Group {
	h.t.Helper()
	g, err := h.groups.Create(h.t.Context(), usageplan.Group{ID: id, ParentID: parent})
	require.NoError(h.t, err)
	return g
}

// key creates a key in a group, with links to plans, which it creates if need be.
func (h *families) key(id, group string, plans ...string) {
	h.t.Helper()
	ctx := h.t.Context()
	_, _, err := h.keys.Create(ctx, apikey.Key{ID: id, GroupID: group, Enabled: true})
	require.NoError(h.t, err)
	for _, plan := range plans {
		_, err := h.plans.Create(ctx, usageplan.Plan{ID: plan, Stages: []usageplan.Stage{{API: "api", Name: plan}}})
		if !errors.Is(err, usageplan.ErrExists) {
			require.NoError(h.t, err)
		}
		require.NoError(h.t, h.plans.Link(ctx, plan, id))
	}
}

// move changes the parent of a group.
func (h *families) move(id, parent string) error {
	return moveGroup(h.t.Context(), h.groups, id, parent)
}

func moveGroup(ctx context.Context, groups *usageplan.Groups, id, parent string) error {
	_, err := groups.Update(ctx, id, func(g *usageplan.Group) error { g.ParentID = parent; return nil })
	return err
}

// tree returns every group as "id<parent", sorted.
func (h *families) tree() (all []string) {
	for g, err := range h.groups.All(h.t.Context(), usageplan.GroupFilter{}) {
		require.NoError(h.t, err)
		all = append(all, g.ID+"<"+g.ParentID)
	}
	slices.Sort(all)
	return all
}

// cycle puts the groups search and deep below one another, as only concurrent changes
// can.
func (h *families) cycle() { h.put("search", "deep") }

// fourth puts a group on a fourth level.
func (h *families) fourth(id string) { h.put(id, "deep") }

// put changes the parent of a group without a check.
func (h *families) put(id, parent string) {
	h.t.Helper()
	g, err := h.groups.Get(h.t.Context(), id)
	require.NoError(h.t, err)
	g.ParentID = parent
	require.NoError(h.t, h.st.UpdateGroup(h.t.Context(), g))
}

// charge takes n units of a quota from a subject, and returns what is used of it.
func (h *families) charge(subject string, n int64) (used int64, err error) {
	daily := quota.Quota{Limit: 100, Period: quota.Day}
	c := store.NewCharge(subject, n, daily.Meter(time.Now(), time.Hour))
	err = h.st.Take(h.t.Context(), c)
	return c.Parts[0].Levels[0].Used, err
}

// counted returns what is used of a subject, or the subject to which it was moved.
func (h *families) counted(subject string) string {
	used, err := h.charge(subject, 0)
	if moved, ok := errors.AsType[*store.MovedError](err); ok {
		return "in " + moved.To
	}
	require.NoError(h.t, err)
	return fmt.Sprint(used)
}

// A meddler is a store that calls functions around its writes of groups and keys. Each
// function is called once.
type meddler struct {
	*memory.Store
	before, after func()
}

// around runs write between the two functions.
func (m *meddler) around(write func() error) error {
	run := func(f *func()) {
		if once := *f; once != nil {
			*f = nil
			once()
		}
	}
	run(&m.before)
	err := write()
	run(&m.after)
	return err
}

func (m *meddler) InsertGroup(ctx context.Context, g usageplan.Group) error {
	return m.around(func() error { return m.Store.InsertGroup(ctx, g) })
}

func (m *meddler) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return m.around(func() error { return m.Store.UpdateGroup(ctx, g) })
}

func (m *meddler) UpdateKey(ctx context.Context, k apikey.Key) error {
	return m.around(func() error { return m.Store.UpdateKey(ctx, k) })
}

// meddled returns Groups on the store of h, with functions that run around a write.
func (h *families) meddled(before, after func()) *usageplan.Groups {
	st := &meddler{h.st, before, after}
	return must(usageplan.NewGroups(st, st, st, usageplan.Config{}))
}
