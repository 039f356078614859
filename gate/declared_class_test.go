package gate_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestDeclaredClasses asks for classes that a Gate has declared and for others. A class
// that is not declared is a mistake of the service: its limits would not apply.
func TestDeclaredClasses(t *testing.T) {
	for name, c := range map[string]struct {
		declared usageplan.Classes
		class    string
		want     string // the error, or "" if the request is admitted
	}{
		"nothing is declared":       {nil, "Opus", ""},
		"declared":                  {usageplan.Classes{"haiku", "opus"}, "opus", ""},
		"no class":                  {usageplan.Classes{"opus"}, "", ""},
		"another case":              {usageplan.Classes{"haiku", "opus"}, "Opus", `class: "Opus": want one that is declared: haiku, opus`},
		"no class can be declared":  {usageplan.Classes{}, "opus", `class: "opus": want one that is declared: there is none`},
		"a rule of names is broken": {nil, "GET /opus", `class: "GET /opus": want 1 to 64`},
	} {
		h := newFixture(t, func(cfg *parts) { cfg.Classes = c.declared })
		k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(5)})
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret, Class: c.class})
		used := int64(1)
		if c.want != "" {
			require.ErrorIs(t, err, gate.ErrInvalid, name)
			require.ErrorContains(t, err, c.want, name)
			require.Equal(t, gate.Invalid, d.Reason, name)
			used = 0
		} else {
			require.NoError(t, err, name)
			require.True(t, d.Allowed, name)
		}
		days, err := h.gate.UsageByDay(t.Context(), p.ID, k.ID, "", 1)
		require.NoError(t, err, name)
		require.Equal(t, used, days[0].Used, name)
	}
}

// peeks keeps Outcome.Peeked of each decision.
type peeks []bool

func (p *peeks) Decided(_ context.Context, d gate.Decided) { *p = append(*p, d.Outcome.Peeked) }

func (*peeks) Corrected(context.Context, gate.Corrected) {}

// TestPeeked checks that an Observer can tell a Peek from an admission.
func TestPeeked(t *testing.T) {
	var told peeks
	h := newFixture(t, func(cfg *parts) { cfg.Observer = &told })
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(1)})
	for range 2 { // the second time the quota refuses
		require.False(t, h.admit(gate.Request{Secret: secret}).Peeked)
		d, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
		require.NoError(t, err)
		require.True(t, d.Peeked)
	}
	require.Equal(t, peeks{false, true, false, true}, told)
}
