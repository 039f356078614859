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

func (l *log) Decided(_ context.Context, req gate.Request, d gate.Outcome, err error) {
	*l = append(*l, fmt.Sprint(d.Reason, " ", d.Charged, d.Costs[0], " ", err, " ", req))
}

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
