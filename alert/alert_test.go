package alert_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestThresholds spends the quota of a key step by step. An empty want stands for no
// Event.
func TestThresholds(t *testing.T) {
	type step struct {
		cost int64
		want string
	}
	for name, c := range map[string]struct {
		cfg   alert.Config
		plan  usageplan.Plan
		own   []int
		steps []step
	}{
		"the default: 50, 80 and 100": {alert.Config{}, plan("p", "10 tokens/day as day"), nil, []step{
			{4, ""}, {1, "key a day 50%: 5/10"}, {1, ""}, {2, "key a day 80%: 8/10"}, {5, ""}, {2, "key a day 100%: 10/10"}, {1, ""},
		}},
		"several at once": {alert.Config{}, plan("p", "10 tokens/day as day"), nil, []step{
			{10, "key a day 50%: 10/10; key a day 80%: 10/10; key a day 100%: 10/10"}, {0, ""},
		}},
		"of the Config":       {alert.Config{Thresholds: []int{90}}, plan("p", "10 tokens/day as day"), nil, []step{{8, ""}, {1, "key a day 90%: 9/10"}}},
		"none of the Config":  {alert.Config{Thresholds: []int{}}, plan("p", "10 tokens/day as day"), nil, []step{{10, ""}}},
		"of the link":         {alert.Config{Thresholds: []int{}}, plan("p", "10 tokens/day as day"), []int{20}, []step{{2, "key a day 20%: 2/10"}}},
		"none of the link":    {alert.Config{}, plan("p", "10 tokens/day as day"), []int{}, []step{{10, ""}}},
		"two quotas":          {alert.Config{}, plan("p", "2/day", "100 tokens/day as tokens"), nil, []step{{50, "key a day 50%: 1/2; key a tokens 50%: 50/100"}}},
		"soft, above 100":     {alert.Config{Thresholds: []int{100, 200}}, plan("p", "10 tokens/day soft as day"), nil, []step{{15, "key a day 100%: 15/10"}, {15, "key a day 200%: 30/10"}}},
		"refused without use": {alert.Config{}, plan("p", "10 tokens/day as day"), nil, []step{{11, ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.key("a", c.plan)
			if c.own != nil {
				_, err := s.plans.UpdateLink(t.Context(), "p", "a", func(l *usageplan.Link) error { l.Alerts = c.own; return nil })
				require.NoError(t, err)
			}
			p := s.process(c.cfg)
			for i, step := range c.steps {
				p.spend("a", step.cost)
				require.Equal(t, step.want, p.said(), "step %d", i)
			}
			require.EqualValues(t, p.alerts.Stats().Fired, p.alerts.Stats().Delivered)
		})
	}
}

// TestEveryWindow checks that a threshold fires again in the next window.
func TestEveryWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.key("a", plan("p", "10 tokens/day as day"))
		p, seen := s.process(alert.Config{}), map[string]bool{}
		for range 3 {
			p.spend("a", 5)
			events := p.deliver()
			require.Len(t, events, 1)
			require.False(t, seen[events[0].ID])
			seen[events[0].ID] = true
			time.Sleep(24 * time.Hour)
		}
	})
}

// TestGroups checks the Events of the groups of a key, and that the key's move to another
// family changes no ID.
func TestGroups(t *testing.T) {
	s, ctx := newService(t), t.Context()
	s.key("a", plan("p", "10 tokens/day as day"))
	_, err := s.plans.Put(ctx, plan("org", "20 tokens/day as day"))
	require.NoError(t, err)
	for _, id := range []string{"acme", "other"} {
		_, err := s.groups.Create(ctx, usageplan.Group{ID: id, PlanID: "org"})
		require.NoError(t, err)
	}
	_, err = s.groups.MoveKey(ctx, "a", "acme")
	require.NoError(t, err)
	p := s.process(alert.Config{})
	p.spend("a", 8)
	events := p.deliver()
	require.Len(t, events, 2)
	require.Equal(t, gate.Payer{Kind: gate.PayerKey, ID: "a"}, events[1].Payer)
	p.spend("a", 2)
	require.Equal(t, "key a day 100%: 10/10; group acme day 50%: 10/20", p.said())

	_, err = s.groups.MoveKey(ctx, "a", "other")
	require.NoError(t, err)
	p.spend("a", 0)
	require.Empty(t, p.said(), "the key's counts have moved")
	again := s.process(alert.Config{})
	again.spend("a", 0)
	moved := again.deliver()
	require.Len(t, moved, 3)
	require.Equal(t, events[0].ID, moved[0].ID)
}

// TestCorrections says what a settlement, a refund and an extension fire.
func TestCorrections(t *testing.T) {
	s, ctx := newService(t), t.Context()
	s.key("a", plan("p", "10 tokens/day as day"))
	p := s.process(alert.Config{})

	d := p.spend("a", 1)
	require.NoError(t, p.Settle(ctx, d, usageplan.Costs{6}))
	require.Equal(t, "key a day 50%: 6/10", p.said(), "a settlement fires at once")

	d = p.spend("a", 2)
	require.Equal(t, "key a day 80%: 8/10", p.said(), "an estimate counts")
	require.NoError(t, p.Refund(ctx, d))
	p.spend("a", 2)
	require.Empty(t, p.said(), "it fired before the refund")
	restarted := s.process(alert.Config{})
	restarted.spend("a", 0)
	require.Equal(t, "key a day 50%: 8/10; key a day 80%: 8/10", restarted.said())

	p.spend("a", 2)
	full := p.deliver()
	require.Len(t, full, 1)
	require.NoError(t, p.SetRemaining(ctx, "p", "a", "day", 10))
	p.spend("a", 5)
	require.Equal(t, "key a day 50%: 15/20", p.said(), "an extension is another allowance")
	p.spend("a", 5)
	extended := p.deliver()
	require.Len(t, extended, 2)
	require.Equal(t, 100, extended[1].Threshold)
	require.NotEqual(t, full[0].ID, extended[1].ID)

	require.NoError(t, p.SetRemaining(ctx, "p", "a", "day", 0))
	p.spend("a", 0)
	require.Empty(t, p.said(), "what remained was 0 before")

	_, err := s.plans.Put(ctx, plan("p", "30 tokens/day as day"))
	require.NoError(t, err)
	p.spend("a", 0)
	require.Equal(t, "key a day 50%: 20/40", p.said(), "an upgrade is another allowance, too")
}

// TestFailedSettlement checks that nothing is fired for a settlement that has failed.
func TestFailedSettlement(t *testing.T) {
	s := newService(t)
	s.key("a", plan("p", "10 tokens/day as day"))
	p := s.process(alert.Config{})
	d := p.spend("a", 1)
	p.spend("a", 1)
	require.Error(t, p.Settle(t.Context(), d, usageplan.Costs{1<<53 - 1}))
	require.Empty(t, p.said())
}

// TestEvent compares the JSON form of an Event with the one on the page.
func TestEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight on 1 January 2000
		s := newService(t)
		s.key("a", plan("pro", "1000/day soft"))
		time.Sleep(6 * time.Hour)
		p := s.process(alert.Config{Thresholds: []int{1}})
		for range 10 {
			p.spend("a", 0)
		}
		events := p.deliver()
		require.Len(t, events, 1)
		text, err := json.Marshal(events[0])
		require.NoError(t, err)
		require.JSONEq(t, documented(t), string(text))
		var back alert.Event
		require.NoError(t, json.Unmarshal(text, &back))
		require.True(t, back.At.Equal(events[0].At))
		back.At = events[0].At
		require.Equal(t, events[0], back)
	})
}

// documented returns the Event in docs/alerts.md.
func documented(t *testing.T) string {
	page, err := os.ReadFile("../docs/alerts.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```json\n")
	require.True(t, found)
	text, _, _ := strings.Cut(rest, "```")
	return text
}

// TestBadConfig checks that New names every fault.
func TestBadConfig(t *testing.T) {
	_, err := alert.New(nil, alert.Config{Thresholds: []int{80, 50}, Queue: -1, MaxWindows: -1})
	require.ErrorIs(t, err, alert.ErrInvalid)
	for _, want := range []string{"notify: nil: want a func", "thresholds.alerts[1]: 50 after 80", "queue: -1: want", "maxWindows: -1: want"} {
		require.ErrorContains(t, err, want)
	}
}

// TestChangedQuota changes the unit and the period of a quota that has fired. The name,
// the limit and the start of the window stay. What is counted now has thresholds of its
// own.
func TestChangedQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight
		s := newService(t)
		s.key("a", plan("p", "10 tokens/day as q"))
		p := s.process(alert.Config{Thresholds: []int{50}})
		change := func(text string) {
			require.NoError(t, second(s.plans.Put(t.Context(), plan("p", text))))
			time.Sleep(time.Second)
		}
		p.spend("a", 5)
		require.Equal(t, "key a q 50%: 5/10", p.said())
		change("10/day as q")
		for range 10 {
			p.spend("a", 0)
		}
		require.NotEmpty(t, p.said(), "requests instead of tokens")
		change("10 tokens/hour as q")
		p.spend("a", 10)
		require.NotEmpty(t, p.said(), "an hour instead of a day")
	})
}

func second[A, B any](_ A, b B) B { return b }
