package usageplan_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
)

// TestAlertFaults checks that plans and links name every fault of their Alerts.
func TestAlertFaults(t *testing.T) {
	most := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, usageplan.MaxAlertPercent}
	for _, good := range [][]int{nil, {}, {1}, {100}, {50, 80, 100}, {100, 150}, most} {
		require.NoError(t, usageplan.CheckAlerts(good))
		require.NoError(t, (&usageplan.Plan{Alerts: good}).Validate())
	}
	for _, c := range []struct {
		alerts []int
		want   []string
	}{
		{[]int{0}, []string{"alerts[0]: 0: want 1 to 1000 percent"}},
		{[]int{-1, 1001}, []string{"alerts[0]: -1: want 1", "alerts[1]: 1001: want 1"}},
		{[]int{80, 50, 50}, []string{"alerts[1]: 50 after 80: want ascending", "alerts[2]: 50 after 50: want ascending"}},
		{append([]int{1}, most...), []string{"alerts: 11 of them: want at most 10"}},
	} {
		for _, err := range []error{
			usageplan.CheckAlerts(c.alerts),
			(&usageplan.Plan{Name: "\x00", Alerts: c.alerts}).Validate(),
			(&usageplan.Link{Alerts: c.alerts}).Validate(),
		} {
			require.ErrorIs(t, err, usageplan.ErrInvalid)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		}
	}
	err := (&usageplan.Plan{Name: "\x00", Alerts: []int{0}}).Validate()
	require.ErrorContains(t, err, "name: ", "with the other faults")
}

// TestAlertsForm checks the JSON of Alerts, and what it refuses.
func TestAlertsForm(t *testing.T) {
	for text, want := range map[string][]int{
		`{"id":"p"}`:                      nil,
		`{"id":"p","alerts":[]}`:          {},
		`{"id":"p","alerts":[50,80,150]}`: {50, 80, 150},
	} {
		var p usageplan.Plan
		require.NoError(t, json.Unmarshal([]byte(text), &p))
		require.Equal(t, want, p.Alerts, text)
		back, err := json.Marshal(p)
		require.NoError(t, err)
		require.JSONEq(t, text, string(back))
	}
	for _, text := range []string{
		`{"alerts":null}`, `{"alerts":[50.5]}`, `{"alerts":["50%"]}`, `{"alerts":50}`, `{"alert":[50]}`, `{"alerts":[1],"Alerts":[2]}`, `{"alerts":[null]}`,
	} {
		require.ErrorIs(t, json.Unmarshal([]byte(text), &usageplan.Plan{}), usageplan.ErrInvalid, text)
		require.ErrorIs(t, json.Unmarshal([]byte(text), &usageplan.Link{}), usageplan.ErrInvalid, text)
	}
}

// TestAlertsOfService takes the Alerts of a plan and a link through a Service.
func TestAlertsOfService(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	p := h.plan(usageplan.Plan{ID: "pro", Quotas: perDay(10), Alerts: []int{90}})
	k, _ := h.key("acme")
	_, err := h.plans.AddLink(ctx, usageplan.Link{PlanID: p.ID, KeyID: k.ID, Alerts: []int{2, 1}})
	require.ErrorContains(t, err, "alerts[1]: 1 after 2")
	_, err = h.plans.AddLink(ctx, usageplan.Link{PlanID: p.ID, KeyID: k.ID, Alerts: []int{}})
	require.NoError(t, err)

	own := []int{50, 100}
	l, err := h.plans.UpdateLink(ctx, p.ID, k.ID, func(l *usageplan.Link) error {
		require.Equal(t, []int{}, l.Alerts)
		l.Alerts = own
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, own, l.Alerts)
	_, err = h.plans.UpdateLink(ctx, p.ID, k.ID, func(l *usageplan.Link) error { l.Alerts[0] = 0; return nil })
	require.ErrorContains(t, err, "alerts[0]: 0: want")
	links, err := h.plans.KeyLinks(ctx, k.ID)
	require.NoError(t, err)
	require.Equal(t, [][]int{{50, 100}}, [][]int{links[0].Alerts}, "a fault changes nothing")

	put, err := h.plans.Put(ctx, p)
	require.NoError(t, err)
	require.EqualValues(t, 1, put.Version)
	for version, alerts := range [][]int{{90, 100}, {}, nil} {
		p.Alerts = alerts
		put, err := h.plans.Put(ctx, p)
		require.NoError(t, err)
		require.EqualValues(t, version+2, put.Version, "none and the default differ")
		require.Equal(t, alerts, put.Alerts)
	}
}

// TestClonedAlerts checks that a copy shares no thresholds with the original.
func TestClonedAlerts(t *testing.T) {
	p, l := usageplan.Plan{Alerts: []int{1}}, usageplan.Link{Alerts: []int{1}}
	p.Clone().Alerts[0] = 2
	l.Clone().Alerts[0] = 2
	require.Equal(t, []int{1, 1}, append(p.Alerts, l.Alerts...))
	require.Equal(t, []int{}, usageplan.Link{Alerts: []int{}}.Clone().Alerts)
}
