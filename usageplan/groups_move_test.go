package usageplan_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// TestMoveKey moves a key with two links around. Its counts follow it to every family,
// and the subjects that it has left are closed.
func TestMoveKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newFamilies(t), t.Context()
		h.key("crawler", "", "a", "b")
		use := func(n int64, subjects ...string) {
			for _, s := range subjects {
				_, err := h.charge(s, n)
				require.NoError(t, err)
			}
		}
		use(1, "crawler/a", "crawler/b")
		version := int64(1)
		for _, step := range []struct {
			to    string
			moved string            // the prefix of the subjects, if they have moved
			are   map[string]string // what is counted then
		}{
			{"search", "@acme>", map[string]string{"crawler/a": "in @acme>crawler/a", "crawler": "in @acme>crawler", "@acme>crawler/a": "1", "@acme": "0"}},
			{"deep", "@acme>", map[string]string{"@acme>crawler/b": "2"}},
			{"acme", "@acme>", map[string]string{"@acme>crawler/b": "3"}},
			{"sales", "@blue>", map[string]string{"@acme>crawler/a": "in @blue>crawler/a", "@blue>crawler/a": "4", "@blue>crawler/b": "4"}},
			{"help", "@acme>", map[string]string{"@blue>crawler/a": "in @acme>crawler/a", "@acme>crawler/a": "5"}},
			{"alone", "@alone>", map[string]string{"@alone>crawler/a": "6", "@alone>crawler": "5", "@alone": "0"}},
			{"alone", "@alone>", map[string]string{"@alone>crawler/a": "7"}},
			{"", "", map[string]string{"crawler/a": "8", "crawler/b": "8", "crawler": "7", "@alone>crawler": "in crawler"}},
			{"blue", "@blue>", map[string]string{"crawler/a": "in @blue>crawler/a", "@blue>crawler/a": "9", "@acme>crawler/a": "in @alone>crawler/a"}},
		} {
			before, err := h.keys.Get(ctx, "crawler")
			require.NoError(t, err)
			time.Sleep(time.Minute)
			k, err := h.groups.MoveKey(ctx, "crawler", step.to)
			require.NoError(t, err, "to %q", step.to)
			stored, err := h.keys.Get(ctx, "crawler")
			require.NoError(t, err)
			require.Equal(t, stored, k)
			want := before
			if want.GroupID != step.to {
				version++
				want.GroupID, want.Updated = step.to, time.Now().UTC()
			}
			want.Version = version
			require.Equal(t, want, k)
			for subject, used := range step.are {
				require.Equal(t, used, h.counted(subject), "%s in %q", subject, step.to)
			}
			use(1, step.moved+"crawler/a", step.moved+"crawler/b", step.moved+"crawler")
		}
	})
}

// TestMoveKeyWithin checks that a move within a family does not ask the counter to move
// anything, so that it works with every counter.
func TestMoveKeyWithin(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	h.key("crawler", "search", "a")
	_, err := h.charge("@acme>crawler/a", 7)
	require.NoError(t, err)
	groups := must(usageplan.NewGroups(h.st, h.st, immovable{h.st, errors.ErrUnsupported}, usageplan.Config{}))
	for _, to := range []string{"deep", "acme", "help", "help"} {
		k, err := groups.MoveKey(ctx, "crawler", to)
		require.NoError(t, err)
		require.Equal(t, to, k.GroupID)
		require.Equal(t, "7", h.counted("@acme>crawler/a"))
	}
}

// immovable is a counter that cannot move subjects, and says so with an error.
type immovable struct {
	store.Counter
	err error
}

func (c immovable) Take(ctx context.Context, charge *store.Charge) error {
	if charge.Op == store.Move {
		return fmt.Errorf("%w: %w", store.ErrNotTaken, c.err)
	}
	return c.Counter.Take(ctx, charge)
}

// TestMoveKeyRefused checks the errors of MoveKey, and that nothing has changed then.
func TestMoveKeyRefused(t *testing.T) {
	remove := func(id string) func(*families) {
		return func(h *families) { require.NoError(t, h.st.DeleteGroup(t.Context(), id, 0)) }
	}
	count := func(subject string) func(*families) {
		return func(h *families) { require.NoError(t, second(h.charge(subject, 1))) }
	}
	for name, c := range map[string]struct {
		prepare func(*families)
		counter func(store.Counter) store.Counter
		key, to string
		want    error
		text    string
	}{
		"no such key":           {nil, nil, "nobody", "blue", apikey.ErrNotFound, "move key nobody: "},
		"no such group":         {nil, nil, "crawler", "nobody", usageplan.ErrNotFound, "group nobody: "},
		"no such root":          {remove("blue"), nil, "crawler", "sales", usageplan.ErrNotFound, "group blue: "},
		"too many groups":       {func(h *families) { h.fourth("alone") }, nil, "crawler", "alone", usageplan.ErrInvalid, "more than 3 groups"},
		"its group is missing":  {remove("search"), nil, "crawler", "blue", usageplan.ErrNotFound, "move key crawler out of group search, whose family is unknown: "},
		"its root is missing":   {remove("acme"), nil, "crawler", "", usageplan.ErrNotFound, "group acme: "},
		"its group is in cycle": {func(h *families) { h.cycle() }, nil, "crawler", "blue", usageplan.ErrInvalid, "whose family is unknown"},
		"counts of a link":      {count("@blue>crawler/b"), nil, "crawler", "blue", usageplan.ErrExists, "remove the link, move the key, and link it again"},
		"counts of a key":       {count("@blue>crawler"), nil, "crawler", "blue", usageplan.ErrExists, "create a key with another ID"},
		"no move":               {nil, func(c store.Counter) store.Counter { return immovable{c, errors.ErrUnsupported} }, "crawler", "blue", errors.ErrUnsupported, "the counter cannot move"},
		"no such op":            {nil, func(c store.Counter) store.Counter { return immovable{c, store.ErrInvalid} }, "crawler", "blue", store.ErrInvalid, "move counts of key crawler in plan a"},
	} {
		t.Run(name, func(t *testing.T) {
			h, ctx := newFamilies(t), t.Context()
			h.key("crawler", "search", "a", "b")
			for _, allowance := range []string{"/a", "/b", ""} {
				require.NoError(t, second(h.charge("@acme>crawler"+allowance, 5)))
			}
			if c.prepare != nil {
				c.prepare(h)
			}
			var counter store.Counter = h.st
			if c.counter != nil {
				counter = c.counter(counter)
			}
			_, err := must(usageplan.NewGroups(h.st, h.st, counter, usageplan.Config{})).MoveKey(ctx, c.key, c.to)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
			k, err := h.keys.Get(ctx, "crawler")
			require.NoError(t, err)
			require.Equal(t, "search", k.GroupID)
			for _, allowance := range []string{"/a", "/b", ""} {
				require.Equal(t, "5", h.counted("@acme>crawler"+allowance))
			}
		})
	}
}

// TestMoveKeyInUse follows the advice of the error for counts of an earlier link, and
// creates a missing group again.
func TestMoveKeyInUse(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	h.key("crawler", "search", "a")
	require.NoError(t, second(h.charge("@acme>crawler/a", 5)))
	move := func(to string) error { return second(h.groups.MoveKey(ctx, "crawler", to)) }

	// The key is linked to the same plan in two families.
	require.NoError(t, h.plans.Unlink(ctx, "a", "crawler"))
	require.NoError(t, move("blue"))
	require.NoError(t, h.plans.Link(ctx, "a", "crawler"))
	require.NoError(t, second(h.charge("@blue>crawler/a", 3)))
	require.ErrorIs(t, move("help"), usageplan.ErrExists)
	require.NoError(t, h.plans.Unlink(ctx, "a", "crawler"))
	require.NoError(t, move("help"))
	require.NoError(t, h.plans.Link(ctx, "a", "crawler"))
	require.Equal(t, "5", h.counted("@acme>crawler/a"))

	require.NoError(t, h.st.DeleteGroup(ctx, "help", 0))
	require.ErrorIs(t, move("alone"), usageplan.ErrNotFound)
	h.group("help", "acme")
	require.NoError(t, move("alone"))
	require.Equal(t, "5", h.counted("@alone>crawler/a"))
}

// TestMoveKeyFetches links a key again to a plan whose counts it has left in a family.
func TestMoveKeyFetches(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	h.key("crawler", "", "a")
	require.NoError(t, second(h.charge("crawler/a", 5)))
	move := func(to string) {
		require.NoError(t, second(h.groups.MoveKey(ctx, "crawler", to)))
	}
	move("acme")
	require.NoError(t, h.plans.Unlink(ctx, "a", "crawler"))
	move("")
	require.NoError(t, h.plans.Link(ctx, "a", "crawler"))
	require.Equal(t, "in @acme>crawler/a", h.counted("crawler/a"))
	move("")
	require.Equal(t, "5", h.counted("crawler/a"))
	require.Equal(t, "in crawler/a", h.counted("@acme>crawler/a"))
}

// TestMoveKeyUnused moves a key that was never used.
func TestMoveKeyUnused(t *testing.T) {
	h, ctx := newFamilies(t), t.Context()
	h.key("crawler", "")
	for _, to := range []string{"", "blue", "blue", "", "acme", "deep", "blue"} {
		k, err := h.groups.MoveKey(ctx, "crawler", to)
		require.NoError(t, err)
		require.Equal(t, to, k.GroupID)
	}
	require.Equal(t, "0", h.counted("@blue>crawler"))
}
