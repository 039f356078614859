package gate_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestHistoryOfAllowances sets what remains of a key's quota, and reads what the history
// has of it: the limit, what was used, and what remains, before and after.
func TestHistoryOfAllowances(t *testing.T) { synctest.Test(t, historyOfAllowances) }

func historyOfAllowances(t *testing.T) {
	ctx := t.Context()
	st := memory.New(memory.Config{})
	log := history.NewMemory(history.Bounds{})
	keys, plans := must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	k, secret, err := keys.Create(ctx, apikey.Key{ID: "ann", Enabled: true})
	require.NoError(t, err)
	_, err = plans.Create(ctx, usageplan.Plan{ID: "free", Quotas: perDay(10)})
	require.NoError(t, err)
	require.NoError(t, plans.Link(ctx, "free", k.ID))
	g := must(gate.New(st, st, st, gate.Config{History: must(history.New(log, history.Config{}))}))
	t.Cleanup(func() { _ = g.Close() })
	ctx = history.WithActor(ctx, history.Actor{Kind: history.ActorPage, Name: "alice"})
	now := time.Now()

	for i, step := range []struct {
		requests  int
		remaining int64
		want      string // of the new entry; empty: there is none
	}{
		{0, 10, ""},
		{4, 6, ""},
		{0, 50, `{"limit":10,"used":4,"remaining":6} {"limit":54,"used":4,"remaining":50}`},
		{0, 50, ""},
		{1, 50, `{"limit":54,"used":5,"remaining":49} {"limit":55,"used":5,"remaining":50}`},
		{0, 0, `{"limit":55,"used":5,"remaining":50} {"limit":5,"used":5,"remaining":0}`},
		{1, 0, ""},
	} {
		for range step.requests {
			_, err := g.Admit(ctx, gate.Request{Secret: secret, At: now})
			require.NoError(t, err)
		}
		before, _, err := log.List(ctx, history.Filter{}, "", 100)
		require.NoError(t, err)
		require.NoError(t, g.SetRemaining(ctx, "free", "ann", "day", step.remaining))
		after, _, err := log.List(ctx, history.Filter{}, "", 100)
		require.NoError(t, err)
		if step.want == "" {
			require.Len(t, after, len(before), "step %d", i)
			continue
		}
		require.Len(t, after, len(before)+1, "step %d", i)
		require.Equal(t, step.want, fmt.Sprintf("%s %s", after[0].Before, after[0].After), "step %d", i)
		require.Equal(t, "page alice extend allowance ann/free/day", fmt.Sprint(after[0].Actor, " ", after[0].Action, " ", after[0].Kind, " ", after[0].ID))
	}
}

// failsToSet is a Counter that charges, and does not set what remains.
type failsToSet struct{ store.Counter }

func (f failsToSet) Take(ctx context.Context, c *store.Charge) error {
	if c.Op == store.SetRemaining {
		return fmt.Errorf("%w: broken", store.ErrNotTaken)
	}
	return f.Counter.Take(ctx, c)
}

// TestHistoryOfNoAllowance checks that an extension that failed is not recorded.
func TestHistoryOfNoAllowance(t *testing.T) {
	ctx := t.Context()
	st := memory.New(memory.Config{})
	log := history.NewMemory(history.Bounds{})
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	groups := must(usageplan.NewGroups(st, st, st, usageplan.Config{}))
	_, err := plans.Create(ctx, usageplan.Plan{ID: "free", Quotas: perDay(10)})
	require.NoError(t, err)
	_, err = groups.Create(ctx, usageplan.Group{ID: "acme", PlanID: "free"})
	require.NoError(t, err)
	for want, counter := range []store.Counter{failsToSet{st}, st} {
		g := must(gate.New(st, st, counter, gate.Config{History: must(history.New(log, history.Config{}))}))
		t.Cleanup(func() { _ = g.Close() })
		err := g.SetGroupRemaining(ctx, "acme", "day", 50)
		require.Equal(t, want == 0, err != nil, err)
		entries, _, err := log.List(ctx, history.Filter{ID: "acme"}, "", 10)
		require.NoError(t, err)
		require.Len(t, entries, want)
	}
}
