package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/limiter"
	period "github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A company has keys in groups, in a store, and a Gate over it.
type company struct {
	t      *testing.T
	keys   *apikey.Service
	plans  *usageplan.Service
	groups *usageplan.Groups
	gate   *gate.Gate
}

// companyUnits are what a company counts.
var companyUnits = usageplan.Units{{Name: "units"}}

// newCompany returns the groups acme > search and blue, with the plans org, team and key
// of so many units a year. The key "k" is in search and has the plan key.
func newCompany(t *testing.T, s *Store, cfg gate.Config, org, team, key int64) *company {
	t.Helper()
	ctx := t.Context()
	cfg.Timeout, cfg.Units = time.Minute, companyUnits
	services := usageplan.Config{Units: companyUnits}
	m := &company{
		t, must(apikey.NewService(s, apikey.Config{})), must(usageplan.NewService(s, s, services)),
		must(usageplan.NewGroups(s, s, s, services)), must(gate.New(s, s, s, cfg)),
	}
	t.Cleanup(func() { _ = m.gate.Close() })
	for id, n := range map[string]int64{"org": org, "team": team, "key": key} {
		require.NoError(t, errOf(m.plans.Create(ctx, usageplan.Plan{ID: id, Quotas: []period.Quota{{Limit: n, Unit: "units", Period: period.Year}}})))
	}
	for _, g := range []usageplan.Group{{ID: "acme", PlanID: "org"}, {ID: "search", ParentID: "acme", PlanID: "team"}, {ID: "blue", PlanID: "org"}} {
		require.NoError(t, errOf(m.groups.Create(ctx, g)))
	}
	m.member("k", "search")
	require.NoError(t, m.plans.Link(ctx, "key", "k"))
	return m
}

func (m *company) member(id, group string) {
	m.t.Helper()
	_, _, err := m.keys.Create(m.t.Context(), apikey.Key{ID: id, GroupID: group, Enabled: true})
	require.NoError(m.t, err)
}

// errOf returns the error of a call with two results.
func errOf[T any](_ T, err error) error { return err }

// used returns what acme, search, blue and k have used today.
func (m *company) used() (all [4]int64) {
	m.t.Helper()
	for i, id := range []string{"acme", "search", "blue"} {
		days, err := m.gate.GroupUsageByDay(m.t.Context(), id, "units", 2)
		require.NoError(m.t, err)
		all[i] = days[0].Used + days[1].Used // midnight may have passed
	}
	days, err := m.gate.UsageByDay(m.t.Context(), "key", "k", "units", 2)
	require.NoError(m.t, err)
	all[3] = days[0].Used + days[1].Used
	return all
}

// limits returns the limits of the groups of a key as a Gate knows them.
func limits(ctx context.Context, g *gate.Gate, keyID string) string {
	d, err := g.Peek(ctx, gate.Request{KeyID: keyID})
	if err != nil || d.Reason == gate.NoGroup {
		return fmt.Sprint(d.Reason, err)
	}
	text := ""
	for l := range d.GroupLevels() {
		text += fmt.Sprintf("%s %d, ", l.Payer.ID, l.Max)
	}
	return text
}

// places are the servers that a decision over several payers is tested with.
var places = map[string]func(t testing.TB) rueidis.Client{
	"server":  func(t testing.TB) rueidis.Client { return dial(t, redistest.Start(t)) },
	"cluster": cluster,
}

// TestGroupsOneStep counts the commands of a decision over a key, its team and its
// organisation: one call of a script, as for a key alone. The first look-up is one, too.
func TestGroupsOneStep(t *testing.T) {
	addr := redistest.Start(t)
	s := newStore(t, dial(t, addr), decisionScripts)
	m := newCompany(t, s, gate.Config{MaxAge: time.Minute}, 1000, 1000, 1000)
	m.member("bare", "search")
	admit := func(id string) {
		d, err := m.gate.Admit(t.Context(), gate.Request{KeyID: id})
		require.NoError(t, err)
		require.True(t, d.Allowed, d.Reason)
	}
	admit("k")
	require.Equal(t, map[string]int{"evalsha": 2}, monitor(t, addr, func() { admit("bare") }), "the look-up and the charge")
	require.Equal(t, map[string]int{"evalsha": 100}, monitor(t, addr, func() {
		for range 50 {
			admit("k")
			admit("bare")
		}
	}))
}

// TestGroupsChangeElsewhere changes groups by one store, and decides by a Gate over
// another one that listens. When the change has been heard, no decision is made by the
// old state.
func TestGroupsChangeElsewhere(t *testing.T) {
	addr := redistest.Start(t)
	here, there := running(t, dial(t, addr)), newStore(t, dial(t, addr), decisionScripts)
	m := newCompany(t, there, gate.Config{}, 100, 50, 1000)
	for i := range 20 {
		m.member(fmt.Sprint("key-", i), "search")
	}
	g := must(gate.New(here, here, here, gate.Config{MaxAge: time.Hour, Timeout: time.Minute, Units: companyUnits}))
	defer g.Close()
	ctx := t.Context()
	update := func(id string, change func(*usageplan.Group)) func() error {
		return func() error {
			return errOf(m.groups.Update(ctx, id, func(g *usageplan.Group) error { change(g); return nil }))
		}
	}
	plan := func(id string, n int64) func() error {
		return func() error {
			return errOf(m.plans.Update(ctx, id, func(p *usageplan.Plan) error { p.Quotas[0].Limit = n; return nil }))
		}
	}
	acme := must(there.Group(ctx, "acme"))
	for i, step := range []struct {
		change func() error
		want   string
	}{
		{func() error { return nil }, "search 50, acme 100, "},
		{plan("team", 51), "search 51, acme 100, "},
		{plan("org", 101), "search 51, acme 101, "},
		{update("acme", func(g *usageplan.Group) { g.Quotas = []period.Quota{{Limit: 7, Period: period.Day}} }), "search 51, acme 7, "},
		{update("search", func(g *usageplan.Group) { g.PlanID = "org" }), "search 101, acme 7, "},
		{update("search", func(g *usageplan.Group) { g.PlanID = "" }), "acme 7, "},
		{func() error { return there.DeleteGroup(ctx, "acme", 0) }, "no_group <nil>"},
		{func() error { return there.InsertGroup(ctx, acme) }, "acme 101, "},
		{func() error { return there.DeletePlan(ctx, "org", 0) }, "no_group <nil>"},
		{func() error {
			return there.InsertPlan(ctx, usageplan.Plan{ID: "org", Quotas: []period.Quota{{Limit: 9, Period: period.Day}}})
		}, "acme 9, "},
		{func() error {
			return errOf(m.groups.Create(ctx, usageplan.Group{ID: "help", ParentID: "acme", PlanID: "team"}))
		}, "acme 9, "},
		{update("search", func(g *usageplan.Group) { g.ParentID = "help" }), "help 51, acme 9, "},
	} {
		require.NoError(t, step.change(), i)
		for key := range 20 {
			id := fmt.Sprint("key-", key)
			require.Eventually(t, func() bool { return limits(ctx, g, id) == step.want }, 10*time.Second, time.Millisecond,
				"step %d, %s: %s", i, id, step.want)
		}
		for key := range 20 {
			require.Equal(t, step.want, limits(ctx, g, fmt.Sprint("key-", key)), i)
		}
	}
}

// TestGroupsRace makes a hundred requests at once, by two stores and two Gates. The
// organisation has fifty units and the account's throttle has more. Exactly fifty are
// admitted, on one server and in a Cluster, which takes the account's tokens apart. There
// the tokens of refused requests are given back.
func TestGroupsRace(t *testing.T) {
	for name, client := range places {
		t.Run(name, func(t *testing.T) {
			c := client(t)
			s, other := newStore(t, c, decisionScripts), newStore(t, c, decisionScripts)
			cfg := gate.Config{Account: &limiter.Limit{Rate: 1e-6, Burst: 200}, Timeout: time.Minute, Units: companyUnits}
			m := newCompany(t, s, cfg, 50, 70, 90)
			gates := []*gate.Gate{m.gate, must(gate.New(other, other, other, cfg))}
			defer gates[1].Close()
			var admitted atomic.Int64
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range 100 {
				wg.Go(func() {
					<-start
					d, err := gates[i%2].Admit(t.Context(), gate.Request{KeyID: "k", Costs: usageplan.Costs{1}})
					switch by, _ := d.RefusedBy(); {
					case err != nil:
						t.Error(err)
					case d.Allowed:
						admitted.Add(1)
					case by.String() != "group acme":
						t.Error("refused by", by)
					}
				})
			}
			close(start)
			wg.Wait()
			require.EqualValues(t, 50, admitted.Load())
			require.Equal(t, [4]int64{50, 50, 0, 50}, m.used())

			// The account has exactly the other 150 tokens. Blue's key takes them.
			m.member("rest", "blue")
			require.NoError(t, errOf(m.groups.Update(t.Context(), "blue", func(g *usageplan.Group) error {
				g.Quotas = []period.Quota{}
				return nil
			})))
			for i := range 151 {
				d, err := m.gate.Admit(t.Context(), gate.Request{KeyID: "rest"})
				require.NoError(t, err)
				require.Equal(t, i < 150, d.Allowed, i)
			}
		})
	}
}

// TestGroupsMoveInRedis moves a key between families and out of them while two Gates over
// two stores admit and settle its requests, on one server and in a Cluster, where a move
// between families takes several steps. Each payer has counted what it was charged.
func TestGroupsMoveInRedis(t *testing.T) {
	for name, client := range places {
		t.Run(name, func(t *testing.T) {
			c := client(t)
			s, other := newStore(t, c, decisionScripts), newStore(t, c, decisionScripts)
			m := newCompany(t, s, gate.Config{}, 1<<40, 1<<40, 1<<40)
			gates := []*gate.Gate{m.gate, must(gate.New(other, other, other, gate.Config{Timeout: time.Minute, Units: companyUnits}))}
			defer gates[1].Close()
			var want [4]int64
			var mu sync.Mutex
			pay := func(d *gate.Decision, n int64) {
				mu.Lock()
				defer mu.Unlock()
				want[3] += n
				for l := range d.GroupLevels() {
					want[map[string]int{"acme": 0, "search": 1, "blue": 2}[l.Payer.ID]] += n
				}
			}
			var asked atomic.Int64
			var done atomic.Bool
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(1, uint64(worker)))
					for !done.Load() {
						d, err := gates[worker%2].Admit(t.Context(), gate.Request{KeyID: "k", Costs: usageplan.Costs{3}})
						asked.Add(1)
						if !d.Allowed {
							if !errors.As(err, new(*store.MovedError)) {
								t.Error(d.Reason, err)
							}
							continue
						}
						pay(&d, d.Costs[0])
						actual := rnd.Int64N(6)
						for err = store.ErrNotTaken; errors.Is(err, store.ErrNotTaken); {
							err = gates[(worker+1)%2].Settle(t.Context(), &d, usageplan.Costs{actual})
						}
						if err != nil {
							t.Error(err)
						}
						pay(&d, actual-d.Costs[0])
					}
				})
			}
			for i := range int64(60) {
				require.Eventually(t, func() bool { return asked.Load() >= i*10 }, 20*time.Second, 100*time.Microsecond)
				require.NoError(t, errOf(m.groups.MoveKey(t.Context(), "k", []string{"blue", "", "search", "acme"}[i%4])))
			}
			done.Store(true)
			wg.Wait()
			require.Equal(t, want, m.used())
			for i, n := range want {
				require.Positive(t, n, i)
			}
		})
	}
}

// TestGroupsSettleClosed settles a request after its store was closed. The error says
// that nothing was taken. A Gate over another store settles the request then.
func TestGroupsSettleClosed(t *testing.T) {
	addr := redistest.Start(t)
	s := newStore(t, dial(t, addr), decisionScripts)
	m := newCompany(t, s, gate.Config{}, 100, 100, 100)
	open, err := Open("redis://"+addr, Config{})
	require.NoError(t, err)
	closing := must(gate.New(open, open, open, gate.Config{Timeout: time.Minute, Units: companyUnits}))
	d, err := closing.Admit(t.Context(), gate.Request{KeyID: "k", Costs: usageplan.Costs{9}})
	require.NoError(t, err)
	require.Equal(t, [4]int64{9, 9, 0, 9}, m.used())
	open.Close()
	err = closing.Settle(t.Context(), &d, usageplan.Costs{4})
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.Equal(t, [4]int64{9, 9, 0, 9}, m.used())
	require.NoError(t, m.gate.Settle(t.Context(), &d, usageplan.Costs{4}))
	require.Equal(t, [4]int64{4, 4, 0, 4}, m.used())
}
