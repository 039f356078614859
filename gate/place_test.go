package gate_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// moving is a Counter that reports another place for the subject after each charge.
type moving struct {
	*memory.Store
	told map[string][]uint64
	last uint64
}

func (m *moving) Take(ctx context.Context, c *store.Charge) error {
	m.told[c.Parts[0].Subject] = append(m.told[c.Parts[0].Subject], c.Parts[0].Place)
	c.Parts[0].Place = 0 // the place is one that moving made up
	err := m.Store.Take(ctx, c)
	m.last++
	c.Parts[0].Place = m.last
	return err
}

// TestPlace checks that the Gate tells the Counter where it found each subject last.
// Settle does not.
func TestPlace(t *testing.T) {
	m := &moving{Store: memory.New(memory.Config{}), told: map[string][]uint64{}}
	h := newTokens(t, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = m.Store, m.Store, m })
	h.st = m.Store
	h.keys, h.plans = must(apikey.NewService(m, apikey.Config{})), must(usageplan.NewService(m, m, usageplan.Config{}))
	_, first, _ := h.linked(usageplan.Plan{Name: "first", Quotas: perDay(10)})
	_, second, _ := h.linked(usageplan.Plan{Name: "second", Quotas: perDay(10)})
	var d gate.Decision
	for range 2 {
		d = h.admit(gate.Request{Secret: first})
		h.admit(gate.Request{Secret: second})
	}
	require.NoError(t, h.gate.Settle(t.Context(), &d, costs(5)))
	h.admit(gate.Request{Secret: first})
	require.ElementsMatch(t, [][]uint64{{0, 1, 0, 3}, {0, 2}}, slices.Collect(maps.Values(m.told)))
}

// placing is a Counter that reports a place of its own for each subject. It notes the
// places that it is told.
type placing struct {
	*memory.Store
	told map[string][]uint64
}

func (p *placing) Take(ctx context.Context, c *store.Charge) error {
	for i := range c.Parts {
		part := &c.Parts[i]
		p.told[part.Subject] = append(p.told[part.Subject], part.Place)
		part.Place = 0 // the place is one that placing made up
	}
	err := p.Store.Take(ctx, c)
	for i := range c.Parts {
		c.Parts[i].Place = uint64(len(c.Parts[i].Subject)) // differs from subject to subject
	}
	return err
}

// TestPlaceOfGroups checks that the Gate tells the Counter where it found each group
// last, also for the first request of another key of the group.
func TestPlaceOfGroups(t *testing.T) {
	p := &placing{memory.New(memory.Config{}), map[string][]uint64{}}
	h := treeOver(t, p.Store, func(cfg *parts) { cfg.Counter, cfg.Account = p, throttle(1, 90) })
	h.days(map[string]int64{"org": 10})
	h.group("acme org")
	h.group("acme>search")
	h.member("a", "search")
	h.member("other", "search")
	for _, id := range []string{"a", "a", "other"} {
		require.True(t, h.admit(gate.Request{KeyID: id}).Allowed)
	}
	require.Equal(t, map[string][]uint64{
		"@acme":         {0, 5, 5},
		"@acme>@search": {0, 13, 13},
		"@acme>a":       {0, 7},
		"@acme>other":   {0},
		"\xffaccount":   {0, 8, 8},
	}, p.told)
}
