package usageplan_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestPlans creates, lists, updates and deletes plans.
func TestPlans(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	var made []usageplan.Plan
	for i := range 30 {
		p := h.plan(usageplan.Plan{Name: fmt.Sprint(i), Version: 9})
		require.Len(t, p.ID, 10)
		require.EqualValues(t, 1, p.Version)
		require.Equal(t, p.Created, p.Updated)
		got, err := h.plans.Get(ctx, p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got)
		made = append(made, p)
	}
	page, next, err := h.plans.List(ctx, "", 0)
	require.NoError(t, err)
	require.Len(t, page, 25)
	require.Equal(t, "29", page[0].Name)
	page, next, err = h.plans.List(ctx, next, 25)
	require.NoError(t, err)
	require.Len(t, page, 5)
	require.Empty(t, next)
	for _, limit := range []int{-1, 501} {
		_, _, err = h.plans.List(ctx, "", limit)
		require.ErrorIs(t, err, usageplan.ErrInvalid)
	}

	changed, err := h.plans.Update(ctx, made[0].ID, func(p *usageplan.Plan) error {
		p.ID, p.Version, p.Created = "other", 77, p.Created.AddDate(1, 0, 0)
		p.Name = "renamed"
		return nil
	})
	require.NoError(t, err)
	want := made[0]
	want.Name, want.Version, want.Updated = "renamed", 2, changed.Updated
	require.Equal(t, want, changed)
	require.NoError(t, h.plans.Delete(ctx, made[0].ID))
	for _, err := range []error{
		h.plans.Delete(ctx, made[0].ID), second(h.plans.Get(ctx, made[0].ID)),
		second(h.plans.Update(ctx, made[0].ID, func(*usageplan.Plan) error { return nil })),
	} {
		require.ErrorIs(t, err, usageplan.ErrNotFound)
	}
}

// TestOwnIDs creates plans with IDs that the caller chooses, as a service does at each
// start.
func TestOwnIDs(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	p := h.plan(usageplan.Plan{ID: "free", Name: "first start"})
	require.Equal(t, "free", p.ID)
	_, err := h.plans.Create(ctx, usageplan.Plan{ID: "free", Name: "second start"})
	require.ErrorIs(t, err, usageplan.ErrExists)
	require.ErrorContains(t, err, "usageplan: create plan free: ")
	got, err := h.plans.Get(ctx, "free")
	require.NoError(t, err)
	require.Equal(t, p, got)

	const rule = "want 1 to 64 ASCII letters, digits, '_' and '-'"
	for id, fault := range map[string]string{
		"A-b_9":                 "",
		strings.Repeat("x", 64): "",
		strings.Repeat("x", 65): `id: "` + strings.Repeat("x", 40) + `": ` + rule,
		"a/b":                   `id: "a/b": ` + rule,
		"a b":                   `id: "a b": ` + rule,
		"ä":                     `id: "ä": ` + rule,
	} {
		p, err := h.plans.Create(ctx, usageplan.Plan{ID: id})
		if fault != "" {
			require.ErrorIs(t, err, usageplan.ErrInvalid, id)
			require.ErrorContains(t, err, fault)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, id, p.ID)
	}

	// The allowance of the longest IDs is valid, and so is the second one after a
	// Move.
	long, away := strings.Repeat("x", 64), h.plan(usageplan.Plan{})
	k, _, err := h.keys.Create(ctx, apikey.Key{ID: long, Enabled: true})
	require.NoError(t, err)
	require.NoError(t, h.plans.Link(ctx, long, k.ID))
	require.NoError(t, h.plans.Move(ctx, k.ID, long, away.ID))
	_, err = h.plans.AddSpareLink(ctx, usageplan.Link{PlanID: long, KeyID: k.ID})
	require.NoError(t, err)
	require.Equal(t, gate.Admitted, h.admit(gate.Request{KeyID: k.ID}).Reason)

	// A new plan with the ID of a deleted one finds what was used.
	k, secret, p := h.linked(usageplan.Plan{ID: "again", Quotas: []quota.Quota{{Limit: 1, Period: quota.Year}}})
	require.Equal(t, gate.Admitted, h.reason(secret))
	require.NoError(t, h.plans.Delete(ctx, p.ID))
	require.Equal(t, gate.NoPlan, h.reason(secret))
	h.plan(p)
	require.Equal(t, gate.NoPlan, h.reason(secret))
	require.NoError(t, h.plans.Link(ctx, p.ID, k.ID))
	require.Equal(t, gate.QuotaExceeded, h.reason(secret))
}

// TestConcurrentUpdates changes one plan and one link from four goroutines. No update is
// lost.
func TestConcurrentUpdates(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, _, p := h.linked(usageplan.Plan{Throttle: throttle(1, 1)})
	var wg sync.WaitGroup
	var done atomic.Int64
	for range 4 {
		wg.Go(func() {
			for range 25 {
				_, err := h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Throttle.Burst++; return nil })
				_, err2 := h.plans.UpdateLink(ctx, p.ID, k.ID, func(l *usageplan.Link) error {
					if l.Throttle == nil {
						l.Throttle = throttle(1, 1)
					}
					l.Throttle.Burst++
					return nil
				})
				switch {
				case err == nil && err2 == nil:
					done.Add(1)
				case !errors.Is(errors.Join(err, err2), usageplan.ErrConflict):
					t.Error(err, err2)
				}
			}
		})
	}
	wg.Wait()
	got, err := h.plans.Get(ctx, p.ID)
	require.NoError(t, err)
	require.EqualValues(t, got.Version, got.Throttle.Burst, "each update adds one")
	require.GreaterOrEqual(t, int64(got.Throttle.Burst), done.Load()+1)
}

// TestDeleteIf checks that DeleteIf removes only a plan that may has seen in its last
// state, and then its links.
func TestDeleteIf(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, _, p := h.linked(usageplan.Plan{Name: "old"})
	var seen []string
	rename := func(to string) {
		_, err := h.plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Name = to; return nil })
		require.NoError(t, err)
	}
	may := func(p *usageplan.Plan) error {
		switch seen = append(seen, p.Name); p.Name {
		case "old":
			rename("new") // a concurrent change
		case "new":
			return errBroken
		}
		return nil
	}
	require.ErrorIs(t, h.plans.DeleteIf(ctx, p.ID, may), errBroken)
	require.Equal(t, []string{"old", "new"}, seen)
	links, err := h.plans.KeyLinks(ctx, k.ID)
	require.NoError(t, err)
	require.Len(t, links, 1, "nothing is removed")
	rename("newest")
	require.NoError(t, h.plans.DeleteIf(ctx, p.ID, may))
	links, err = h.plans.KeyLinks(ctx, k.ID)
	require.NoError(t, err)
	require.Empty(t, links)
	require.ErrorIs(t, h.plans.DeleteIf(ctx, p.ID, may), usageplan.ErrNotFound)
}

// TestLinks checks that a key has one plan for each API stage.
func TestLinks(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, _ := h.key("key")
	on := func(names ...string) usageplan.Plan {
		var stages []usageplan.Stage
		for _, name := range names {
			stages = append(stages, usageplan.Stage{API: "orders", Name: name})
		}
		return h.plan(usageplan.Plan{Stages: stages})
	}
	everywhere, prod, dev := on(), on("prod"), on("dev", "test")
	link := func(p usageplan.Plan) error { return h.plans.Link(ctx, p.ID, k.ID) }
	require.NoError(t, link(everywhere))
	require.NoError(t, link(prod))
	require.NoError(t, link(dev))
	require.ErrorIs(t, link(dev), usageplan.ErrExists)
	require.ErrorIs(t, link(on("test")), usageplan.ErrClash)
	require.ErrorIs(t, link(on("test")), usageplan.ErrConflict)
	require.EqualError(t, link(on("new", "test")), "usageplan: key "+k.ID+" has plan "+dev.ID+" for stage orders:test: usageplan: one plan for each key and stage")
	require.NoError(t, link(on("new")))
	require.ErrorIs(t, h.plans.Link(ctx, prod.ID, "nobody"), apikey.ErrNotFound)
	require.ErrorIs(t, h.plans.Link(ctx, "nothing", k.ID), usageplan.ErrNotFound)
	require.ErrorIs(t, h.plans.Link(ctx, "", ""), usageplan.ErrInvalid)

	_, err := h.plans.Update(ctx, prod.ID, func(p *usageplan.Plan) error { p.Stages = append(p.Stages, dev.Stages[0]); return nil })
	require.ErrorIs(t, err, usageplan.ErrClash)
	_, err = h.plans.Update(ctx, prod.ID, func(p *usageplan.Plan) error { p.Stages[0].Name = "production"; return nil })
	require.NoError(t, err)

	links, err := h.plans.KeyLinks(ctx, k.ID)
	require.NoError(t, err)
	require.Len(t, links, 4)
	require.Equal(t, everywhere.ID, links[0].Allowance)
	require.NoError(t, h.plans.Unlink(ctx, dev.ID, k.ID))
	require.ErrorIs(t, h.plans.Unlink(ctx, dev.ID, k.ID), usageplan.ErrNotFound)
	require.ErrorIs(t, h.plans.Move(ctx, k.ID, dev.ID, prod.ID), usageplan.ErrNotFound)
	require.ErrorIs(t, h.plans.Move(ctx, k.ID, prod.ID, "nothing"), usageplan.ErrNotFound)
	require.NoError(t, h.plans.Move(ctx, k.ID, prod.ID, dev.ID))
	links, err = h.plans.KeyLinks(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, prod.ID, links[len(links)-1].Allowance, "Move keeps the allowance")

	_, err = h.plans.UpdateLink(ctx, dev.ID, k.ID, func(l *usageplan.Link) error {
		l.Allowance, l.PlanID, l.Throttle = "stolen", "other", &limiter.Limit{Rate: -1}
		return nil
	})
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	l, err := h.plans.UpdateLink(ctx, dev.ID, k.ID, func(l *usageplan.Link) error { l.Allowance, l.PlanID = "stolen", "other"; return nil })
	require.NoError(t, err)
	require.Equal(t, prod.ID, l.Allowance)
}

// TestAudit checks that Audit finds each kind of fault, and that Prune removes dead
// links.
func TestAudit(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	good, _, p := h.linked(usageplan.Plan{Name: "good"})
	planless, _ := h.key("without a plan")
	disabled, _, _ := h.linked(usageplan.Plan{Name: "of a disabled key"})
	_, err := h.keys.Disable(ctx, disabled.ID)
	require.NoError(t, err)
	detached, _, _ := h.linked(usageplan.Plan{Name: "detached", Detached: true})
	empty := h.plan(usageplan.Plan{Name: "without keys"})
	gone, _ := h.key("deleted")
	require.NoError(t, h.plans.Link(ctx, p.ID, gone.ID))
	require.NoError(t, h.keys.Delete(ctx, gone.ID))
	double, _ := h.key("two plans for every stage")
	for _, id := range []string{p.ID, h.plan(usageplan.Plan{Name: "second"}).ID} {
		require.NoError(t, h.st.InsertLink(ctx, usageplan.Link{PlanID: id, KeyID: double.ID, Allowance: id, Version: 1}))
	}
	orphan := usageplan.Link{PlanID: "nothing", KeyID: good.ID, Allowance: "nothing", Version: 1}
	require.NoError(t, h.st.InsertLink(ctx, orphan))

	a, err := h.plans.Audit(ctx)
	require.NoError(t, err)
	require.Len(t, a.DeadLinks, 2)
	require.ElementsMatch(t, []string{gone.ID, good.ID}, []string{a.DeadLinks[0].KeyID, a.DeadLinks[1].KeyID})
	a.DeadLinks = nil
	require.Equal(t, usageplan.AuditReport{
		KeysWithoutPlan: []string{detached.ID, planless.ID}, DisabledKeys: []string{disabled.ID},
		PlansWithoutKeys: []string{empty.ID}, KeysWithManyPlans: []string{double.ID},
	}, a)

	links, _, err := h.plans.Links(ctx, p.ID, "", 0)
	require.NoError(t, err)
	require.Len(t, links, 2, "the dead link is left out")
	n, err := h.plans.Prune(ctx)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = h.plans.Prune(ctx)
	require.NoError(t, err)
	require.Zero(t, n)
	links, err = h.plans.KeyLinks(ctx, good.ID)
	require.NoError(t, err)
	require.Len(t, links, 1)
}

// failing is a store whose method at fails.
type failing struct {
	*memory.Store
	at string
}

func (f failing) fault(method string) error {
	if f.at == method {
		return errBroken
	}
	return nil
}

func (f failing) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	if err := f.fault("KeyLinks"); err != nil {
		return nil, err
	}
	return f.Store.KeyLinks(ctx, id)
}

func (f failing) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	if err := f.fault("PlanLinks"); err != nil {
		return nil, "", err
	}
	return f.Store.PlanLinks(ctx, id, cursor, limit)
}

func (f failing) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	if err := f.fault("Plans"); err != nil {
		return nil, "", err
	}
	return f.Store.Plans(ctx, cursor, limit)
}

func (f failing) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return errors.Join(f.fault("UpdatePlan"), f.Store.UpdatePlan(ctx, p))
}

// TestFailingStore checks that each method returns the error of a failing store.
func TestFailingStore(t *testing.T) {
	for method, call := range map[string]func(ctx context.Context, s *usageplan.Service, p usageplan.Plan, k apikey.Key) error{
		"KeyLinks": func(ctx context.Context, s *usageplan.Service, p usageplan.Plan, k apikey.Key) error {
			return s.Link(ctx, p.ID, k.ID)
		},
		"PlanLinks": func(ctx context.Context, s *usageplan.Service, p usageplan.Plan, _ apikey.Key) error {
			return s.Delete(ctx, p.ID)
		},
		"Plans": func(ctx context.Context, s *usageplan.Service, _ usageplan.Plan, _ apikey.Key) error {
			_, err := s.Audit(ctx)
			return err
		},
		"UpdatePlan": func(ctx context.Context, s *usageplan.Service, p usageplan.Plan, _ apikey.Key) error {
			_, err := s.Update(ctx, p.ID, func(*usageplan.Plan) error { return nil })
			return err
		},
	} {
		h := newFixture(t)
		k, _ := h.key("key")
		p := h.plan(usageplan.Plan{})
		st := failing{h.st, method}
		err := call(t.Context(), must(usageplan.NewService(st, st, usageplan.Config{})), p, k)
		require.ErrorIs(t, err, errBroken, method)
	}
}
