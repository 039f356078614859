package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/store/transfer"
	"github.com/ration-go/ration/usageplan"
)

// onRedis returns a store over a fresh Redis.
func onRedis(t testing.TB) *redis.Store {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{redistest.Start(t)}, DisableCache: true, ForceSingleClient: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	s, err := redis.New(client, redis.Config{})
	require.NoError(t, err)
	return s
}

var created = time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC)

// fill gives a store keys, plans, groups, links and counts.
func fill(t testing.TB, s transfer.Store) {
	t.Helper()
	ctx := t.Context()
	for i := range 5 {
		p := usageplan.Plan{ID: fmt.Sprint("plan-", i), Name: "p", Alerts: []int{50, 100 + i}, Created: created}
		require.NoError(t, s.InsertPlan(ctx, p))
		for v := range int64(i) {
			p.Version, p.Description = v+1, fmt.Sprint("changed ", v)
			require.NoError(t, s.UpdatePlan(ctx, p))
		}
	}
	groups := s.(usageplan.GroupStore)
	require.NoError(t, groups.InsertGroup(ctx, usageplan.Group{ID: "team", ParentID: "acme", Created: created}))
	require.NoError(t, groups.InsertGroup(ctx, usageplan.Group{ID: "acme", PlanID: "plan-1", Created: created}))
	for i := range 23 {
		id := fmt.Sprint("key-", i)
		require.NoError(t, s.InsertKey(ctx, apikey.Key{ID: id, Enabled: true, Digest: apikey.DigestOf(id), Version: int64(i + 1), Created: created,
			Scopes: []string{"orders:*"}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}))
	}
	// The links of a key and those of a plan have orders that no listing of keys or plans
	// has.
	for i := range 60 {
		l := usageplan.Link{KeyID: fmt.Sprint("key-", i*7%23), PlanID: fmt.Sprint("plan-", i*3%5), Created: created, Allowance: fmt.Sprint(i)}
		require.NoError(t, s.InsertLink(ctx, l))
		if i%9 == 0 {
			l.Version = 1
			require.NoError(t, s.UpdateLink(ctx, l))
		}
	}
	require.NoError(t, s.InsertLink(ctx, usageplan.Link{KeyID: "gone", PlanID: "plan-2"}))
	for _, plan := range []string{"plan-1", "gone", "plan-0"} {
		require.NoError(t, s.InsertLink(ctx, usageplan.Link{KeyID: "other", PlanID: plan}))
	}
	charge(t, s)
}

var (
	today  = time.Now().UTC().Truncate(24 * time.Hour).Unix()
	quota  = store.Meter{Name: "day", Max: 1000, Start: today, End: today + 86400, Keep: 90 * 24 * time.Hour}
	before = store.Meter{Name: "day", Max: 1000, Start: today - 86400, End: today, Keep: 90 * 24 * time.Hour}
	slow   = store.Meter{Name: "throttle", Max: 100, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	id     = store.Meter{Name: "id 1", Max: 1, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}, Rare: true}
)

// charge charges subjects, and moves one.
func charge(t testing.TB, s store.Counter) {
	t.Helper()
	take := func(op store.Op, n int64, subject string, meters ...store.Meter) {
		c := store.NewCharge(subject, n, meters...)
		c.Op = op
		require.NoError(t, s.Take(t.Context(), c))
		require.True(t, c.OK)
	}
	for i := range 40 {
		take(store.Spend, int64(i%5+1), fmt.Sprint("key-", i), before)
		take(store.Spend, int64(i%7+1), fmt.Sprint("key-", i), quota, slow)
		take(store.Spend, 1, fmt.Sprint("key-", i), id)
	}
	take(store.SetRemaining, 2000, "key-1", quota)
	move := &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "key-2"}, {Subject: "@acme>key-2"}}}
	require.NoError(t, s.Take(t.Context(), move))
}

// requireCharged checks that a store has the counts of charge.
func requireCharged(t testing.TB, s store.Counter) {
	t.Helper()
	for i := range 40 {
		subject := fmt.Sprint("key-", i)
		if i == 2 {
			var moved *store.MovedError
			require.ErrorAs(t, s.Take(t.Context(), store.NewCharge(subject, 1, quota)), &moved)
			subject = "@acme>key-2"
			require.Equal(t, subject, moved.To)
		}
		c := store.NewCharge(subject, 0, before, quota, slow, id)
		require.NoError(t, s.Take(t.Context(), c))
		var used []int64
		for _, l := range c.Parts[0].Levels {
			used = append(used, l.Used)
		}
		require.Equal(t, []int64{int64(i%5 + 1), int64(i%7 + 1), int64(i%7 + 1), 1}, used, subject)
		if i == 1 {
			require.EqualValues(t, 2000, c.Parts[0].Levels[1].Remaining())
		}
	}
}

// orders returns every order of insertion that a store has.
func orders(t testing.TB, s transfer.Store) (all []string) {
	t.Helper()
	ctx := t.Context()
	keys, _, err := s.Keys(ctx, apikey.Filter{}, "", 100)
	require.NoError(t, err)
	for _, k := range keys {
		all = append(all, fmt.Sprint(k.ID, " ", k.Version))
		links, err := s.KeyLinks(ctx, k.ID)
		require.NoError(t, err)
		for _, l := range links {
			if l.PlanID != "gone" {
				all = append(all, fmt.Sprint(" ", l.PlanID, " ", l.Version, " ", l.Allowance))
			}
		}
	}
	plans, _, err := s.Plans(ctx, "", 100)
	require.NoError(t, err)
	for _, p := range plans {
		all = append(all, fmt.Sprint(p.ID, " ", p.Version))
		links, _, err := s.PlanLinks(ctx, p.ID, "", 100)
		require.NoError(t, err)
		for _, l := range links {
			all = append(all, fmt.Sprint(" ", l.KeyID))
		}
	}
	groups, _, err := s.(usageplan.GroupStore).Groups(ctx, usageplan.GroupFilter{}, "", 100)
	require.NoError(t, err)
	for _, g := range groups {
		all = append(all, fmt.Sprint(g.ID, " ", g.Version))
	}
	return all
}

var stores = map[string]func(t testing.TB) transfer.Store{
	"memory": func(testing.TB) transfer.Store { return memory.New(memory.Config{}) },
	"redis":  func(t testing.TB) transfer.Store { return onRedis(t) },
}

// TestCopy copies each kind of store to each other.
func TestCopy(t *testing.T) {
	for name, open := range stores {
		for onto, openTarget := range stores {
			t.Run(name+" to "+onto, func(t *testing.T) {
				t.Parallel()
				from, to := open(t), openTarget(t)
				fill(t, from)
				var parts []transfer.Part
				cfg := transfer.Config{Page: 4, Report: func(p transfer.Progress) { parts = append(parts, p.Part) }}
				p, err := transfer.Copy(t.Context(), transfer.Whole(from), transfer.Whole(to), cfg)
				require.NoError(t, err)
				require.Equal(t, transfer.Done, p.Part)
				require.GreaterOrEqual(t, p.Counts.Subjects, int64(41))
				p.Counts.Subjects = 0
				require.Equal(t, transfer.Counts{Plans: 5, Groups: 2, Keys: 23, Links: 63}, p.Counts)
				require.Equal(t, orders(t, from), orders(t, to))
				r, err := transfer.Verify(t.Context(), transfer.Whole(from), transfer.Whole(to), transfer.Config{Page: 3})
				require.NoError(t, err)
				require.Empty(t, r.Examples)
				require.Equal(t, p.Counts.Links, r.Counts.Links)
				requireCharged(t, to)

				_, err = transfer.Copy(t.Context(), transfer.Whole(from), transfer.Whole(to), cfg)
				require.ErrorIs(t, err, transfer.ErrNotEmpty)
				_, err = transfer.Copy(t.Context(), transfer.Whole(from), transfer.Whole(to), transfer.Config{Resume: &transfer.Progress{Part: transfer.Plans}})
				require.NoError(t, err, "a copy can be repeated")
				require.Equal(t, orders(t, from), orders(t, to))
			})
		}
	}
}

// errBroken is the error of a store that is broken.
var errBroken = errors.New("broken")

// breaking is a store that breaks after some writes.
type breaking struct {
	*memory.Store
	left int
}

func (b *breaking) write() error {
	if b.left--; b.left < 0 {
		return errBroken
	}
	return nil
}

func (b *breaking) InsertKey(ctx context.Context, k apikey.Key) error {
	return errors.Join(b.write(), b.Store.InsertKey(ctx, k))
}

func (b *breaking) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return errors.Join(b.write(), b.Store.InsertPlan(ctx, p))
}

func (b *breaking) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return errors.Join(b.write(), b.Store.UpdatePlan(ctx, p))
}

func (b *breaking) InsertLink(ctx context.Context, l usageplan.Link) error {
	return errors.Join(b.write(), b.Store.InsertLink(ctx, l))
}

func (b *breaking) Restore(ctx context.Context, records []store.Record) error {
	return errors.Join(b.write(), b.Store.Restore(ctx, records))
}

// TestResume breaks a copy off at every write, after which the write may have happened,
// and goes on.
func TestResume(t *testing.T) {
	from := memory.New(memory.Config{})
	fill(t, from)
	for n := range 112 { // writes
		to := memory.New(memory.Config{})
		last, err := transfer.Copy(t.Context(), transfer.Whole(from), transfer.Whole(&breaking{to, n}), transfer.Config{Page: 4})
		require.ErrorIs(t, err, errBroken, n)
		p, err := transfer.Copy(t.Context(), transfer.Whole(from), transfer.Whole(to), transfer.Config{Page: 4, Resume: &last})
		require.NoError(t, err, n)
		require.Equal(t, transfer.Done, p.Part)
		require.Equal(t, orders(t, from), orders(t, to), n)
		requireCharged(t, to)
	}
}

// TestVerify checks that Verify finds whatever differs.
func TestVerify(t *testing.T) {
	ctx := t.Context()
	for want, spoil := range map[string]func(s *memory.Store) error{
		`key "key-3"`: func(s *memory.Store) error { return s.DeleteKey(ctx, "key-3") },
		`key "key-4"`: func(s *memory.Store) error { return s.UpdateKey(ctx, apikey.Key{ID: "key-4", Version: 5}) },
		`key "key-5"`: func(s *memory.Store) error {
			k, err := s.Key(ctx, "key-5")
			k.Networks = nil
			return errors.Join(err, s.DeleteKey(ctx, k.ID), s.InsertKey(ctx, k))
		},
		`plan "plan-4"`:       func(s *memory.Store) error { return s.DeletePlan(ctx, "plan-4", 0) },
		`group "team"`:        func(s *memory.Store) error { return s.DeleteGroup(ctx, "team", 0) },
		`link of key "key-0"`: func(s *memory.Store) error { return s.DeleteLink(ctx, "plan-0", "key-0") },
		`subject "key-7"`:     func(s *memory.Store) error { return s.Take(ctx, store.NewCharge("key-7", -1, quota)) },
		`subject "key-8"`: func(s *memory.Store) error {
			c := store.NewCharge("key-8", 5, before)
			c.Op = store.SetRemaining
			return s.Take(ctx, c)
		},
		`subject "key-9"`: func(s *memory.Store) error {
			return s.Take(ctx, &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "key-9"}, {Subject: "elsewhere"}}})
		},
	} {
		from, to := memory.New(memory.Config{}), memory.New(memory.Config{})
		fill(t, from)
		_, err := transfer.Copy(ctx, transfer.Whole(from), transfer.Whole(to), transfer.Config{})
		require.NoError(t, err)
		require.NoError(t, spoil(to))
		r, err := transfer.Verify(ctx, transfer.Whole(from), transfer.Whole(to), transfer.Config{Page: 4})
		require.NoError(t, err)
		require.Positive(t, r.Different)
		require.True(t, slices.Contains(r.Examples, want), "want %s in %q", want, r.Examples)
	}
}

// TestDiffers checks that a copy does not write over what the target has.
func TestDiffers(t *testing.T) {
	from, to := memory.New(memory.Config{}), memory.New(memory.Config{})
	fill(t, from)
	require.NoError(t, to.InsertPlan(t.Context(), usageplan.Plan{ID: "plan-0", Name: "another"}))
	_, err := transfer.Copy(t.Context(), transfer.Whole(from), transfer.Whole(to), transfer.Config{Resume: &transfer.Progress{Part: transfer.Plans}})
	require.ErrorIs(t, err, transfer.ErrDiffers)
	require.ErrorContains(t, err, `plan "plan-0"`)
	p, err := to.Plan(t.Context(), "plan-0")
	require.NoError(t, err)
	require.Equal(t, "another", p.Name)
}

// onlyCounter hides everything but Take.
type onlyCounter struct{ store.Counter }

// TestSides checks the errors about sides.
func TestSides(t *testing.T) {
	s := memory.New(memory.Config{})
	for want, sides := range map[string][2]transfer.Side{
		"keys: want it on both sides":      {{Keys: s, Plans: s}, {Plans: s}},
		"counter: want it on both sides":   {{Plans: s}, {Plans: s, Counter: s}},
		"sides: want one part at least":    {},
		"to.counter: transfer_test.only":   {{Counter: s}, {Counter: onlyCounter{s}}},
		"from.counter: transfer_test.only": {{Counter: onlyCounter{s}}, {Counter: s}},
	} {
		_, err := transfer.Copy(t.Context(), sides[0], sides[1], transfer.Config{})
		require.ErrorContains(t, err, want)
	}
	_, err := transfer.Copy(t.Context(), transfer.Whole(s), transfer.Whole(memory.New(memory.Config{})), transfer.Config{Resume: &transfer.Progress{Part: "x"}})
	require.ErrorContains(t, err, `resume: part: "x"`)
}

// TestLinkOrder copies random links. The orders of all plans and of all keys stay.
func TestLinkOrder(t *testing.T) {
	ctx := t.Context()
	for range 200 {
		from, to := memory.New(memory.Config{}), memory.New(memory.Config{})
		for i := range 6 {
			require.NoError(t, from.InsertKey(ctx, apikey.Key{ID: fmt.Sprint("key-", i), Digest: apikey.DigestOf(fmt.Sprint(i))}))
			require.NoError(t, from.InsertPlan(ctx, usageplan.Plan{ID: fmt.Sprint("plan-", i)}))
		}
		for _, i := range rand.Perm(36) {
			if rand.N(4) > 0 {
				require.NoError(t, from.InsertLink(ctx, usageplan.Link{KeyID: fmt.Sprint("key-", i/6), PlanID: fmt.Sprint("plan-", i%6)}))
			}
		}
		_, err := transfer.Copy(ctx, transfer.Whole(from), transfer.Whole(to), transfer.Config{Page: 1 + rand.N(5)})
		require.NoError(t, err)
		require.Equal(t, orders(t, from), orders(t, to))
	}
}
