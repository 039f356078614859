package usageplan_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// hesitant is a store that waits before each call that moves a key.
type hesitant struct{ *memory.Store }

func (hesitant) wait() { time.Sleep(rand.N(time.Millisecond)) }

func (s hesitant) Key(ctx context.Context, id string) (apikey.Key, error) {
	s.wait()
	return s.Store.Key(ctx, id)
}

func (s hesitant) UpdateKey(ctx context.Context, k apikey.Key) error {
	s.wait()
	return s.Store.UpdateKey(ctx, k)
}

func (s hesitant) Take(ctx context.Context, c *store.Charge) error {
	s.wait()
	return s.Store.Take(ctx, c)
}

// TestMoveKeyAtOnce moves one key from three goroutines. When all have returned, the key
// must have all its counts in the family that it is in. Every other time, a family
// refuses the second link.
func TestMoveKeyAtOnce(t *testing.T) {
	roots := map[string]string{"": "", "deep": "@acme>", "help": "@acme>", "sales": "@blue>", "alone": "@alone>"}
	for n := range 300 {
		synctest.Test(t, func(t *testing.T) {
			h, ctx := newFamilies(t), t.Context()
			h.key("crawler", "deep", "a", "b")
			require.NoError(t, errors.Join(second(h.charge("@acme>crawler/a", 3)), second(h.charge("@acme>crawler/b", 5))))
			if n%2 == 0 {
				require.NoError(t, second(h.charge("@blue>crawler/b", 1)))
			}
			st := hesitant{h.st}
			groups := must(usageplan.NewGroups(st, st, st, usageplan.Config{}))
			var gaveUp atomic.Bool
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					for to := range roots { // in random order
						switch _, err := groups.MoveKey(ctx, "crawler", to); {
						case errors.Is(err, usageplan.ErrConflict):
							gaveUp.Store(true)
						case errors.Is(err, usageplan.ErrExists):
							assert.Equal(t, "sales", to)
						default:
							assert.NoError(t, err)
						}
					}
				})
			}
			wg.Wait()
			k, err := h.keys.Get(ctx, "crawler")
			require.NoError(t, err)
			if gaveUp.Load() {
				_, err := groups.MoveKey(ctx, "crawler", k.GroupID)
				require.NoError(t, err)
			}
			require.Equal(t, "3", h.counted(roots[k.GroupID]+"crawler/a"))
			require.Equal(t, "5", h.counted(roots[k.GroupID]+"crawler/b"))
		})
	}
}

// TestMoveKeyRaces makes another change just before the key is written.
func TestMoveKeyRaces(t *testing.T) {
	for name, c := range map[string]struct {
		other func(*families) error
		group string
		are   map[string]string
	}{
		"another move": {
			func(h *families) error { return second(h.groups.MoveKey(t.Context(), "crawler", "alone")) }, "sales",
			map[string]string{"@blue>crawler/a": "5", "@alone>crawler/a": "in @blue>crawler/a"},
		},
		"a rename": {
			func(h *families) error {
				return second(h.keys.Update(t.Context(), "crawler", func(k *apikey.Key) error { k.Name = "new"; return nil }))
			}, "sales", map[string]string{"@blue>crawler/a": "5"},
		},
		"a link to another plan": {
			func(h *families) error {
				_, err := h.plans.Create(t.Context(), usageplan.Plan{ID: "c"})
				return errors.Join(err, h.plans.Move(t.Context(), "crawler", "a", "c"))
			}, "sales", map[string]string{"@blue>crawler/a": "5"},
		},
		"a new link": {
			func(h *families) error {
				return errors.Join(h.plans.Link(t.Context(), "pro", "crawler"), second(h.charge("@acme>crawler/pro", 2)))
			}, "sales", map[string]string{"@blue>crawler/a": "5", "@blue>crawler/pro": "2", "@acme>crawler/pro": "in @blue>crawler/pro"},
		},
		"a new link that is charged in both families": {
			func(h *families) error {
				return errors.Join(h.plans.Link(t.Context(), "pro", "crawler"), second(h.charge("@acme>crawler/pro", 2)), second(h.charge("@blue>crawler/pro", 1)))
			}, "sales", map[string]string{"@blue>crawler/a": "5", "@blue>crawler/pro": "1", "@acme>crawler/pro": "2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFamilies(t)
			h.key("crawler", "search", "a")
			require.NoError(t, second(h.charge("@acme>crawler/a", 5)))
			k, err := h.meddled(func() { assert.NoError(t, c.other(h)) }, nil).MoveKey(t.Context(), "crawler", "sales")
			require.NoError(t, err)
			stored, err := h.keys.Get(t.Context(), "crawler")
			require.NoError(t, err)
			require.Equal(t, stored, k)
			require.Equal(t, c.group, k.GroupID)
			for subject, used := range c.are {
				require.Equal(t, used, h.counted(subject), subject)
			}
		})
	}
}
