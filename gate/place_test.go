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
	h := newFixture(t, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = m.Store, m.Store, m })
	h.st = m.Store
	h.keys, h.plans = must(apikey.NewService(m, apikey.Config{})), must(usageplan.NewService(m, m))
	_, first, _ := h.linked(usageplan.Plan{Name: "first", Quotas: perDay(10)})
	_, second, _ := h.linked(usageplan.Plan{Name: "second", Quotas: perDay(10)})
	var d gate.Decision
	for range 2 {
		d = h.admit(gate.Request{Secret: first})
		h.admit(gate.Request{Secret: second})
	}
	require.NoError(t, h.gate.Settle(t.Context(), &d, 5))
	h.admit(gate.Request{Secret: first})
	require.ElementsMatch(t, [][]uint64{{0, 1, 0, 3}, {0, 2}}, slices.Collect(maps.Values(m.told)))
}
