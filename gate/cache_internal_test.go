package gate

import (
	"context"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestCache plays a random history of keys with several secrets each, beside a map. A key
// that is removed is gone with all its secrets. An entry that was put last is there
// unless it was evicted.
func TestCache(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c, model := newCache(100), map[fingerprint]*entry{}
	prints := newFingerprinter()
	for range 3000 {
		key := &apikey.Key{ID: strconv.Itoa(rnd.IntN(20))}
		f := prints.ofSecret(apikey.Secret(key.ID + " " + strconv.Itoa(rnd.IntN(10))))
		switch rnd.IntN(8) {
		case 0:
			c.removeKey(key.ID)
			for f, e := range model {
				if e.key.ID == key.ID {
					delete(model, f)
				}
			}
		case 1, 2, 3:
			e := &entry{fingerprint: f, key: key}
			c.put(e)
			model[f] = e
		default:
			if got := c.get(f); got != nil {
				require.Same(t, model[f], got)
			}
		}
		if c.live < len(model) { // entries were evicted
			for f := range model {
				if _, ok := c.slotOf(f); !ok {
					delete(model, f)
				}
			}
		}
		linked := 0
		for id := range c.byKey {
			for e := c.byKey[id]; e != nil; e = e.next {
				require.Same(t, model[e.fingerprint], e)
				linked++
			}
		}
		require.Equal(t, len(model), linked)
		require.Equal(t, c.live, linked)
		require.LessOrEqual(t, linked, 100)
	}
}

// TestWholeFingerprint looks for entries by fingerprints that differ in one bit, also in
// one that does not choose the slot. No bit is left out of the comparison.
func TestWholeFingerprint(t *testing.T) {
	c, e := newCache(100), &entry{fingerprint: fingerprint{1 << 63, 5}, key: new(apikey.Key)}
	c.put(e)
	for bit := range 64 {
		for _, near := range []fingerprint{{1<<63 ^ 1<<bit, 5}, {1 << 63, 5 ^ 1<<bit}} {
			require.Nil(t, c.get(near), "bit %d", bit)
			c.remove(near)
		}
	}
	require.Same(t, e, c.get(e.fingerprint))

	// A second entry with the same head does not replace the first, and can go alone.
	twin := &entry{fingerprint: fingerprint{1 << 63, 6}, key: e.key}
	c.put(twin)
	require.Same(t, e, c.get(e.fingerprint))
	require.Same(t, twin, c.get(twin.fingerprint))
	c.remove(e.fingerprint)
	require.Nil(t, c.get(e.fingerprint))
	require.Same(t, twin, c.get(twin.fingerprint))
	c.removeKey(e.key.ID)
	require.Nil(t, c.get(twin.fingerprint))
}

// TestEntrySize checks that an entry fits two cache lines. A decision reads both, and the
// processor fetches lines in pairs.
func TestEntrySize(t *testing.T) { require.LessOrEqual(t, unsafe.Sizeof(entry{}), uintptr(128)) }

// manyPlans is a store that has a plan for every ID.
type manyPlans struct{ usageplan.Store }

func (manyPlans) Plan(_ context.Context, id string) (usageplan.Plan, error) {
	return usageplan.Plan{ID: id}, nil
}

// TestPlansAreBounded reads many plans that no cached key has. The flags are bounded. The
// allowances of a plan whose flag was swept are stale: nothing would tell of its changes.
func TestPlansAreBounded(t *testing.T) {
	r := newResolver(nil, manyPlans{}, Config{MaxKeys: 1, MaxAge: time.Hour})
	var all []*allowance
	for i := range 3000 {
		p, err := r.planAllowance(t.Context(), &lookup{now: time.Duration(i)}, strconv.Itoa(i), overrides{})
		require.NoError(t, err)
		all = append(all, p.allowance)
	}
	require.LessOrEqual(t, len(r.allowances.stale), 1<<10)
	require.LessOrEqual(t, len(r.allowances.byPlan), 1<<10)
	believed := 0
	for _, a := range all {
		if !a.stale.Load() {
			believed++
			require.Contains(t, r.allowances.stale, a.plan.ID)
		}
	}
	require.Len(t, r.allowances.stale, believed)
}

// TestFallbackIsBounded uses more subjects than the bound. The first ones are evicted.
func TestFallbackIsBounded(t *testing.T) {
	var f fallback
	m := &store.Meter{Name: "throttle", Max: 1}
	for i := range maxFallback + 100 {
		refused, _ := f.takeTokens([]claim{{subject: strconv.Itoa(i), meter: m, n: 1}}, time.Unix(0, 0), true)
		require.Nil(t, refused)
	}
	require.Len(t, f.buckets, maxFallback)
}

// manyGroups is a store that has a group for every ID, each with a plan and below another
// group of its own.
type manyGroups struct {
	manyPlans
	usageplan.GroupStore
}

func (manyGroups) Group(_ context.Context, id string) (usageplan.Group, error) {
	g := usageplan.Group{ID: id, PlanID: "plan-" + id}
	if id[0] != '^' {
		g.ParentID = "^" + id
	}
	return g, nil
}

// TestGroupsAreBounded reads more groups than the bound from a store that tells of no
// changes. Each node that is kept has a flag, which a change would find.
func TestGroupsAreBounded(t *testing.T) {
	r := newResolver(nil, manyGroups{}, Config{MaxKeys: 1, MaxAge: time.Hour})
	var all []datedNode
	for i := range 5000 {
		n, err := r.lineageOf(t.Context(), &lookup{now: time.Duration(i)}, nil, strconv.Itoa(i), 0)
		require.NoError(t, err)
		all = append(all, n)
	}
	require.LessOrEqual(t, len(r.allowances.stale), 1<<10)
	for id, k := range r.allowances.nodes {
		require.Same(t, k.stale, r.allowances.stale[groupFlag+id], id)
	}
	fresh := 0
	for _, n := range all {
		if !n.changed() {
			fresh++
		}
	}
	require.Positive(t, fresh)
	require.LessOrEqual(t, fresh, 1<<10)
}
