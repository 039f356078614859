package gate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// vault is a store that has a password for its database.
type vault struct {
	*memory.Store
	password string
}

// TestNothingShowsASecret prints every public struct. Neither a client's secret nor
// the password of the store may show.
func TestNothingShowsASecret(t *testing.T) {
	const password = "hunter2pass"
	st := &vault{memory.New(memory.Config{}), password}
	g, err := gate.New(st, st, st, gate.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	key, secret, err := must(apikey.NewService(st, apikey.Config{})).Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	plan, err := plans.Create(t.Context(), usageplan.Plan{Throttle: throttle(1, 1), Quotas: perDay(1)})
	require.NoError(t, err)
	require.NoError(t, plans.Link(t.Context(), plan.ID, key.ID))
	req := gate.Request{Secret: secret, At: time.Now()}
	_, err = g.Admit(t.Context(), req)
	require.NoError(t, err)
	refused, err := g.Admit(t.Context(), req)
	require.NoError(t, err)
	require.False(t, refused.Allowed)
	limited, _ := refused.Err().(*gate.LimitError)
	require.NotNil(t, limited)
	reports, err := g.KeyReports(t.Context(), []string{key.ID}, gate.Span{Days: 1, Windows: 1, LastUse: true})
	require.NoError(t, err)
	report := reports[0]
	values := map[string]any{
		"Gate": g, "Gate in a struct": struct{ g *gate.Gate }{g},
		"Config":  gate.Config{},
		"Request": req, "Decision": &refused, "Outcome": refused.Outcome, "Limit": refused.Limits()[0], "Level": gate.Level{Limit: refused.Limits()[0]},
		"LimitError":    limited,
		"RefusedLimit":  limited.Limits[0],
		"Payer":         limited.Limits[0].Payer,
		"KeyUsage":      gate.KeyUsage{},
		"LastUse":       gate.LastUse{KeyID: key.ID, Rotation: &gate.RotationUse{}},
		"RotationUse":   gate.RotationUse{},
		"Usage":         gate.Usage{Outcome: refused.Outcome},
		"PayerUsage":    gate.PayerUsage{},
		"LimitUsage":    gate.LimitUsage{},
		"DayUsage":      gate.DayUsage{},
		"UsageQuery":    gate.UsageQuery{},
		"Fit":           gate.Fit{},
		"FailurePolicy": gate.FailurePolicy{},
		"Decided":       gate.Decided{Request: req, Outcome: refused.Outcome},
		"Corrected":     gate.Corrected{Outcome: refused.Outcome},
		"Stats":         g.Stats(),
		"Outage":        g.Stats().KeyOutage,
		"ListenerStats": gate.ListenerStats{},
		"MistakeCount":  gate.MistakeCount{},
		"Reached":       gate.Reached{Plan: refused.Plan, Subject: refused.Subject()},
		"Span":          gate.Span{Days: 1, Windows: 1},
		"KeyReport":     report,
		"Report":        report.Report,
		"QuotaReport":   report.Quotas[0],
		"GroupReport":   gate.GroupReport{},
	}
	leak.Complete(t, values)
	leak.Check(t, string(secret)[4:36], values)
	// fmt does not call Format on an unexported field. It prints what the Gate points to.
	delete(values, "Gate in a struct")
	leak.Check(t, password, values)
}
