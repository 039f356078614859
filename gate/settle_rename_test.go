package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestSettleAfterRename changes a key, a link or a group in ways that leave the limits as
// they are, while a request is under way. Its throttles are still corrected.
func TestSettleAfterRename(t *testing.T) {
	for what, change := range map[string]func(h *tree) error{
		"none": func(h *tree) error { return nil },
		"rename": func(h *tree) error {
			return second(h.keys.Update(t.Context(), "k", func(k *apikey.Key) error { k.Name = "new"; return nil }))
		},
		"move within": func(h *tree) error { return second(h.groups.MoveKey(t.Context(), "k", "acme")) },
		"group renamed": func(h *tree) error {
			return second(h.groups.Update(t.Context(), "acme", func(g *usageplan.Group) error { g.Name = "Acme"; return nil }))
		},
		"link to another plan": func(h *tree) error { return h.plans.Link(t.Context(), "staged", "k") },
	} {
		t.Run(what, func(t *testing.T) {
			h := newTokenTree(t)
			h.plan(usageplan.Plan{ID: "key", Throttles: throttlesOf("100 tokens/hour")})
			h.plan(usageplan.Plan{ID: "org", Throttles: throttlesOf("500 tokens/hour")})
			h.plan(usageplan.Plan{ID: "staged", Stages: []usageplan.Stage{{API: "a", Name: "b"}}})
			h.group("acme org")
			h.group("acme>search")
			h.member("k", "search", "key")
			d := h.admit(gate.Request{KeyID: "k", Costs: costs(90)})
			require.NoError(t, change(h))
			require.NoError(t, h.gate.Settle(t.Context(), &d, costs(10)))
			p, err := h.gate.Peek(t.Context(), gate.Request{KeyID: "k"})
			require.NoError(t, err)
			var got []int64
			for l := range p.Levels() {
				got = append(got, l.Used)
			}
			for l := range p.GroupLevels() {
				got = append(got, l.Used)
			}
			require.Equal(t, []int64{10, 10}, got, "tokens used at key and org")
		})
	}
}
