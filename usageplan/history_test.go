package usageplan_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// entries is a Recorder that keeps what it is told.
type entries []history.Entry

func (e *entries) Record(_ context.Context, entry history.Entry) { *e = append(*e, entry) }

// TestHistoryOfLostRaces has another change just before the write, and just after it. The
// history has the change that was made in the end. It has nothing of one that was taken
// back.
func TestHistoryOfLostRaces(t *testing.T) {
	rename := func(h *families) { h.rename("deep", "theirs") }
	cycle := func(h *families) { assert.NoError(t, h.move("help", "deep")) }
	for name, test := range map[string]struct {
		before, after func(h *families)
		want          string // the parent and the name before the change; empty: there is none
	}{
		"alone":              {nil, nil, "acme "},
		"beaten by a rename": {rename, nil, "acme theirs"},
		"beaten by a cycle":  {cycle, nil, ""},
		"renamed afterwards": {nil, rename, "acme "},
	} {
		t.Run(name, func(t *testing.T) {
			h, log := newFamilies(t), &entries{}
			require.NoError(t, h.move("deep", "acme"))
			st := &meddler{Store: h.st}
			if test.before != nil {
				st.before = func() { test.before(h) }
			}
			if test.after != nil {
				st.after = func() { test.after(h) }
			}
			groups := must(usageplan.NewGroups(st, st, st, usageplan.Config{History: log}))
			err := moveGroup(t.Context(), groups, "deep", "help")
			if test.want == "" {
				require.ErrorIs(t, err, usageplan.ErrInvalid)
				require.Empty(t, *log)
				return
			}
			require.NoError(t, err)
			require.Len(t, *log, 1)
			require.Equal(t, history.Move, (*log)[0].Action)
			var before, after usageplan.Group
			require.NoError(t, before.UnmarshalJSON((*log)[0].Before))
			require.NoError(t, after.UnmarshalJSON((*log)[0].After))
			require.Equal(t, test.want, before.ParentID+" "+before.Name)
			require.Equal(t, "help", after.ParentID)
			require.Equal(t, before.Version+1, after.Version)
		})
	}
}

// stuck is a store whose links stay.
type stuck struct{ *memory.Store }

func (stuck) DeleteLink(context.Context, string, string) error { return errors.New("broken") }

// TestHistoryOfHalfAMove has a move to another plan that ends after its first step. The
// history has what was changed: the new link.
func TestHistoryOfHalfAMove(t *testing.T) {
	h, log := newFixture(t), &entries{}
	k, _ := h.key("n")
	h.plan(usageplan.Plan{ID: "free"})
	h.plan(usageplan.Plan{ID: "pro"})
	require.NoError(t, h.plans.Link(t.Context(), "free", k.ID))
	plans := must(usageplan.NewService(h.st, stuck{h.st}, usageplan.Config{History: log}))
	require.ErrorContains(t, plans.Move(t.Context(), k.ID, "free", "pro"), "broken")
	require.Len(t, *log, 1)
	require.Equal(t, history.Link+" "+k.ID+"/pro", (*log)[0].Action+" "+(*log)[0].ID)
	require.ErrorContains(t, plans.Unlink(t.Context(), "free", k.ID), "broken")
	require.Error(t, plans.Delete(t.Context(), "free"))
	require.Len(t, *log, 2, "the plan is gone, its link is not")
}

// TestHistoryNil checks that a nil pointer in the interface is refused.
func TestHistoryNil(t *testing.T) {
	st := memory.New(memory.Config{})
	_, err := usageplan.NewService(st, st, usageplan.Config{History: (*entries)(nil)})
	require.ErrorContains(t, err, "history: nil *usageplan_test.entries: want a history.Recorder, or none")
	_, err = usageplan.NewGroups(st, st, st, usageplan.Config{History: (*entries)(nil)})
	require.ErrorContains(t, err, "history: nil")
	_, err = apikey.NewService(st, apikey.Config{History: (*entries)(nil)})
	require.ErrorContains(t, err, "history: nil")
}
