package gate_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

type log []string

func (l *log) Decided(_ context.Context, d gate.Decided) {
	o := d.Outcome
	*l = append(*l, fmt.Sprint(o.Reason, " ", o.Charged, o.Costs[0], " ", d.Err, " ", d.Request))
}

func (*log) Corrected(context.Context, gate.Corrected) {}

// TestObserver checks that the Observer is told of every decision and of no secret.
func TestObserver(t *testing.T) {
	seen := new(log)
	h := newTokens(t, func(cfg *parts) { cfg.Observer = seen })
	_, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(2)})
	h.spend(secret, 1)
	h.admit(gate.Request{Secret: secret, Costs: costs(2)})
	h.reason(secret + "x")
	_, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	want := []string{"admitted true 1 <nil>", "quota_exceeded false 0 <nil>", "unknown false 0 <nil>", "admitted false 0 <nil>"}
	require.Len(t, *seen, len(want))
	for i := range want {
		require.Contains(t, (*seen)[i], want[i])
		require.NotContains(t, (*seen)[i], string(secret))
	}
}

// TestObservers checks that Observers tell each of them, in their order.
func TestObservers(t *testing.T) {
	first, second := new(witness), new(witness)
	var order []string
	name := func(n string) gate.Observer { return toldOf(func(gate.Decided) { order = append(order, n) }) }
	h := newTokens(t, func(cfg *parts) { cfg.Observer = gate.Observers{name("a"), first, gate.Observers{name("b"), second}} })
	_, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(2)})
	d := h.admit(gate.Request{Secret: secret, Costs: costs(2)})
	require.NoError(t, h.gate.Settle(t.Context(), &d, costs(1)))
	require.Equal(t, []string{"a", "b"}, order)
	for _, w := range []*witness{first, second} {
		require.Len(t, w.decided, 1)
		require.Len(t, w.corrected, 1)
		require.EqualValues(t, 1, w.corrected[0].Actual[0])
	}
}

// TestReasonString checks that every Reason has a text of its own, and that an unknown
// value has one, too.
func TestReasonString(t *testing.T) {
	seen := map[string]bool{}
	for r := gate.Reason(0); r <= gate.Invalid; r++ {
		seen[r.String()] = true
	}
	require.Len(t, seen, int(gate.Invalid)+1)
	require.Equal(t, "reason(99)", gate.Reason(99).String())
}
