package plans_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/memory"
)

// entries keeps what it is told.
type entries struct{ list []history.Entry }

func (e *entries) Record(_ context.Context, entry history.Entry) { e.list = append(e.list, entry) }

// TestHistory checks that each change of a file is recorded, by the file or by the Actor
// of the caller.
func TestHistory(t *testing.T) {
	t.Parallel()
	var recorded entries
	cfg := config
	cfg.History = &recorded
	r, err := ration.New(memory.New(memory.Config{}), cfg)
	require.NoError(t, err)
	defer r.Close()
	s := plans.Services{Keys: r.Keys, Plans: r.Plans, Groups: r.Groups}
	apply(t, s, before[:len(before)-len("keys: [{id: k, groupId: acme}]\nlinks: [{planId: a, keyId: k}]\n")], plans.Config{})
	require.Len(t, recorded.list, 6)
	for _, e := range recorded.list {
		require.Equal(t, "plans plans.yaml", e.Actor.String())
	}

	ctx := history.WithActor(t.Context(), history.Actor{Kind: history.ActorPage, Name: "alice"})
	_, err = plans.Apply(ctx, s, parse(t, "plans: [{id: a}]"), plans.Config{})
	require.NoError(t, err)
	require.Len(t, recorded.list, 7)
	require.Equal(t, "page alice", recorded.list[6].Actor.String())
}
