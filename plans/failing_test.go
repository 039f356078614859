package plans_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

var errDown = errors.New("the store is down")

// A failing store fails each write after the first ones, and calls wrote after each that
// it makes.
type failing struct {
	*memory.Store
	left  int
	wrote func()
}

func (s *failing) write(do func() error) error {
	if s.left--; s.left < 0 {
		return errDown
	}
	err := do()
	if err == nil {
		s.wrote()
	}
	return err
}

func (s *failing) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.write(func() error { return s.Store.InsertPlan(ctx, p) })
}

func (s *failing) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return s.write(func() error { return s.Store.UpdatePlan(ctx, p) })
}

func (s *failing) DeletePlan(ctx context.Context, id string, version int64) error {
	return s.write(func() error { return s.Store.DeletePlan(ctx, id, version) })
}

func (s *failing) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.write(func() error { return s.Store.InsertLink(ctx, l) })
}

func (s *failing) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return s.write(func() error { return s.Store.UpdateLink(ctx, l) })
}

func (s *failing) DeleteLink(ctx context.Context, planID, keyID string) error {
	return s.write(func() error { return s.Store.DeleteLink(ctx, planID, keyID) })
}

func (s *failing) InsertGroup(ctx context.Context, g usageplan.Group) error {
	return s.write(func() error { return s.Store.InsertGroup(ctx, g) })
}

func (s *failing) UpdateGroup(ctx context.Context, g usageplan.Group) error {
	return s.write(func() error { return s.Store.UpdateGroup(ctx, g) })
}

func (s *failing) DeleteGroup(ctx context.Context, id string, version int64) error {
	return s.write(func() error { return s.Store.DeleteGroup(ctx, id, version) })
}

func (s *failing) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.write(func() error { return s.Store.InsertKey(ctx, k) })
}

func (s *failing) UpdateKey(ctx context.Context, k apikey.Key) error {
	return s.write(func() error { return s.Store.UpdateKey(ctx, k) })
}

const before = `
plans: [{id: a, quotas: [10/day]}, {id: b, quotas: [12/day]}, {id: old, quotas: [1/day]}, {id: org, quotas: [1000/day]}]
groups: [{id: acme, planId: org}, {id: gone, planId: old}]
keys: [{id: k, groupId: acme}]
links: [{planId: a, keyId: k}]
`

const after = `
plans:
  - {id: a, quotas: [11/day]}
  - {id: b, quotas: [13/day]}
  - {id: org, quotas: [1000/day]}
  - {id: more, quotas: [5/day]}
groups: [{id: acme, planId: org}, {id: other, planId: org}]
keys:
  - {id: k, groupId: other, name: K}
  - {id: new, groupId: acme, enabled: true, digest: ` + digest + `}
links: [{planId: b, keyId: k, quotas: [14/day]}, {planId: more, keyId: new}]
`

// TestInterrupted lets the store fail after each number of writes. Each key is within
// limits of its own after every write, the changes that are reported are those that were
// made, and a repeated Apply goes on without loss of a count.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for writes := 0; ; writes++ {
		st := &failing{Store: memory.New(memory.Config{}), left: 1e9, wrote: func() {}}
		r, s := open(t, st)
		createKey(t, s, "k")
		apply(t, s, before, plans.Config{})
		for range 9 {
			admit(t, r, "k", gate.Admitted)
		}
		st.left = writes
		st.wrote = func() { requireLimits(t, st, writes) }
		f := parse(t, after)
		wanted, err := plans.Diff(t.Context(), s, f, plans.Config{Prune: true})
		require.NoError(t, err)
		made, err := plans.Apply(t.Context(), s, f, plans.Config{Prune: true})
		complete := err == nil
		if !complete {
			require.ErrorIs(t, err, errDown)
			require.LessOrEqual(t, len(made.Changes), writes)
			require.Equal(t, plans.Difference{Changes: wanted.Changes[:len(made.Changes)]}.String(), plans.Difference{Changes: made.Changes}.String())
		}
		st.left = 1e9
		_, err = plans.Apply(t.Context(), s, f, plans.Config{Prune: true})
		require.NoError(t, err, "after %d writes", writes)
		rest, err := plans.Diff(t.Context(), s, f, plans.Config{Prune: true})
		require.NoError(t, err)
		require.True(t, rest.Empty(), rest)
		for range 5 { // 9 of 14 are used
			admit(t, r, "k", gate.Admitted)
		}
		admit(t, r, "k", gate.QuotaExceeded)
		if complete {
			require.Greater(t, writes, 12)
			return
		}
	}
}

func admit(t *testing.T, r *ration.Ration, key string, want gate.Reason) {
	t.Helper()
	d, err := r.Gate.Admit(t.Context(), gate.Request{KeyID: key})
	require.NoError(t, err)
	require.Equal(t, want, d.Reason)
}

// requireLimits requires each enabled key to be linked to a plan that exists.
func requireLimits(t *testing.T, st *failing, writes int) {
	t.Helper()
	keys, _, err := st.Keys(context.Background(), apikey.Filter{}, "", 100)
	require.NoError(t, err)
	for _, k := range keys {
		a, err := st.AccessByKey(context.Background(), k.ID)
		require.NoError(t, err)
		linked := false
		for _, l := range a.Links {
			linked = linked || a.Plan(l.PlanID) != nil
		}
		require.True(t, linked || !k.Enabled, "key %s without a link in an Apply of %d writes", k.ID, writes)
	}
}

// TestAtOnce applies one file from several processes at the same time. None gets an
// error, and no count is lost or doubled.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	stores := map[string]func() []ration.Store{
		"memory": func() []ration.Store {
			st := memory.New(memory.Config{})
			return []ration.Store{st, st, st, st}
		},
		"redis": func() (list []ration.Store) {
			addr := redistest.Start(t)
			for range 4 {
				list = append(list, overRedis(t, addr))
			}
			return list
		},
	}
	for name, replicas := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				testAtOnce(t, replicas())
			}
		})
	}
}

func testAtOnce(t *testing.T, replicas []ration.Store) {
	r, s := open(t, replicas[0])
	createKey(t, s, "k")
	apply(t, s, before, plans.Config{})
	for range 9 {
		admit(t, r, "k", gate.Admitted)
	}
	text := after
	for i := range 30 { // more to collide on
		text = strings.Replace(text, "groups:", fmt.Sprintf("  - {id: p%d, quotas: [1/day]}\ngroups:", i), 1)
	}
	var wg sync.WaitGroup
	errs := make([]error, len(replicas))
	for i, st := range replicas {
		_, s := open(t, st)
		wg.Go(func() {
			f := parse(t, text)
			_, errs[i] = plans.Apply(t.Context(), s, f, plans.Config{Prune: true})
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	d, err := plans.Diff(t.Context(), s, parse(t, text), plans.Config{Prune: true})
	require.NoError(t, err)
	require.True(t, d.Empty(), d)

	r, _ = open(t, replicas[0]) // with an empty cache
	for range 5 {
		admit(t, r, "k", gate.Admitted)
	}
	admit(t, r, "k", gate.QuotaExceeded)
}
