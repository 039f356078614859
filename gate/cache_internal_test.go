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
	c, model := newCache(100), map[apikey.Digest]*entry{}
	for range 3000 {
		key := &apikey.Key{ID: strconv.Itoa(rnd.IntN(20))}
		d := apikey.DigestOf(key.ID + " " + strconv.Itoa(rnd.IntN(10)))
		switch rnd.IntN(8) {
		case 0:
			c.removeKey(key.ID)
			for d, e := range model {
				if e.key.ID == key.ID {
					delete(model, d)
				}
			}
		case 1, 2, 3:
			e := &entry{digest: d, key: key, history: &history{}}
			c.put(e)
			model[d] = e
		default:
			if got := c.get(&d); got != nil {
				require.Same(t, model[d], got)
			}
		}
		if c.live < len(model) { // entries were evicted
			for d := range model {
				if _, ok := c.slotOf(&d); !ok {
					delete(model, d)
				}
			}
		}
		linked := 0
		for id := range c.byKey {
			for e := c.byKey[id]; e != nil; e = e.next {
				require.Same(t, model[e.digest], e)
				linked++
			}
		}
		require.Equal(t, len(model), linked)
		require.Equal(t, c.live, linked)
		require.LessOrEqual(t, linked, 100)
	}
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
