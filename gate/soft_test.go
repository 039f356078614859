package gate_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// wouldRefuse returns the limits that have no room and do not refuse, each with its wait.
func wouldRefuse(o *gate.Outcome) (text string) {
	for l := range o.WouldRefuse() {
		wait := l.Wait.String()
		if l.Wait == store.Never {
			wait = "never"
		}
		text += fmt.Sprintf("%v %s %s; ", l.Payer.Kind, l.Name, wait)
	}
	return text
}

// bothSoft does what ask does, and checks that Peek and Admit say the same of soft
// limits.
func (h *fixture) bothSoft(req gate.Request) *gate.Decision {
	h.t.Helper()
	req.At = time.Now()
	peeked, err := h.gate.Peek(h.t.Context(), req)
	require.NoError(h.t, err)
	d := h.ask(req)
	require.Equal(h.t, wouldRefuse(&d.Outcome), wouldRefuse(&peeked.Outcome), "Peek and Admit")
	return d
}

// TestSoft is a timeline of a key and two groups with soft limits, some of them tighter
// than a hard one beside them. A soft limit counts above its limit and refuses nothing. A
// refusal by a hard limit charges nothing, neither soft nor hard.
func TestSoft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t)
		h.family(
			usageplan.Plan{
				Throttles: throttlesOf("0.1/second burst 3 soft as pace"), Quotas: quotasOf("5 input/day soft as warning", "9 input/day"),
				For: map[string]usageplan.Limits{"opus": limitsOf("2/hour soft as few")},
			},
			usageplan.Plan{Quotas: quotasOf("7 input/day soft as team")},
			usageplan.Plan{Throttles: throttlesOf("1 output/second burst 10"), Quotas: quotasOf("12 output/day soft as org")},
		)
		const day, hour = "24h0m0s; ", "1h0m0s; "
		for i, step := range []struct {
			class  string
			costs  usageplan.Costs
			want   string // and the limits that would refuse
			would  string
			levels string
		}{
			{"", usageplan.Costs{5}, "admitted", "", "pace 1, warning 5, input/day 5 | team 5, output 0, org 0"},
			{"opus", usageplan.Costs{1}, "admitted", "key warning " + day, "pace 2, warning 6, input/day 6, opus few 1 | team 6, output 0, org 0"},
			{"opus", usageplan.Costs{4}, "quota_exceeded, input/day (input) of key", "key warning " + day + "group team " + day,
				"pace 2, warning 6, input/day 6, opus few 1 | team 6, output 0, org 0"},
			{"opus", usageplan.Costs{0, 11}, "never_fits, output (output) of group", "",
				"pace 2, warning 6, input/day 6, opus few 1 | team 6, output 0, org 0"},
			{"opus", usageplan.Costs{0, 10}, "admitted", "", "pace 3, warning 6, input/day 6, opus few 2 | team 6, output 10, org 10"},
			{"opus", usageplan.Costs{0, 1}, "throttled, output (output) of group", "key pace 10s; key opus few " + hour,
				"pace 3, warning 6, input/day 6, opus few 2 | team 6, output 10, org 10"},
			{"opus", usageplan.Costs{2, 0}, "admitted", "key pace 10s; key warning " + day + "key opus few " + hour + "group team " + day,
				"pace 3, warning 8, input/day 8, opus few 3 | team 8, output 10, org 10"},
			{"", usageplan.Costs{6}, "quota_exceeded, input/day (input) of key", "key pace 10s; key warning never; group team " + day,
				"pace 3, warning 8, input/day 8 | team 8, output 10, org 10"},
			{"", usageplan.Costs{1}, "admitted", "key pace 10s; key warning " + day + "group team " + day, "pace 3, warning 9, input/day 9 | team 9, output 10, org 10"},
		} {
			d := h.bothSoft(gate.Request{KeyID: "key", Class: step.class, Costs: step.costs})
			require.Equal(t, step.want, decision(&d.Outcome), "step %d", i)
			require.Equal(t, step.would, wouldRefuse(&d.Outcome), "step %d", i)
			require.Equal(t, step.levels, levelsText(&d.Outcome), "step %d", i)
			by, refused := d.RefusedBy()
			require.Equal(t, !d.Allowed, refused, "step %d", i)
			if limited, ok := d.Err().(*gate.LimitError); ok {
				require.Len(t, limited.Limits, 1, "step %d", i)
				require.Equal(t, limited.Limits[0].Payer, by, "step %d", i)
				require.Equal(t, limited.Limits[0].Wait, d.RetryAfter, "step %d", i)
			}
		}
	})
}

// TestSoftRepeated repeats the ID of a request above a soft limit. The repetition pays
// nothing, and no limit would refuse it.
func TestSoftRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t)
		h.family(usageplan.Plan{Quotas: quotasOf("1/day soft")}, usageplan.Plan{Quotas: quotasOf("1/day soft")}, usageplan.Plan{})
		for i, step := range []struct {
			id, would string
			used      int64
		}{{"a", "", 1}, {"b", "key day 24h0m0s; group day 24h0m0s; ", 2}, {"b", "", 2}, {"a", "", 2}} {
			d := h.bothSoft(gate.Request{KeyID: "key", ID: step.id})
			require.True(t, d.Allowed)
			require.Equal(t, step.would, wouldRefuse(&d.Outcome), i)
			require.Equal(t, []int64{step.used}, h.levels("key"), i)
			require.Equal(t, []int64{step.used}, h.groupLevels("key"), i)
		}
	})
}

// TestSoftBecomesHard changes soft limits to hard ones and back. Their counts stay.
func TestSoftBecomesHard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newUnits(t)
		_, secret, p := h.linked(usageplan.Plan{Throttles: throttlesOf("0.1/second burst 3 soft as pace"), Quotas: quotasOf("4/day soft")})
		for i, step := range []struct {
			pace, day string
			want      string
			would     string
			used      []int64
		}{
			{"", "", "admitted", "", []int64{1, 1}},
			{"", "", "admitted", "", []int64{2, 2}},
			{"", "", "admitted", "", []int64{3, 3}},
			{"", "", "admitted", "key pace 10s; ", []int64{3, 4}},
			{"", "", "admitted", "key pace 10s; key day 24h0m0s; ", []int64{3, 5}},
			{"0.1/second burst 3 as pace", "4/day soft", "throttled, pace (requests) of key", "key day 24h0m0s; ", []int64{3, 5}},
			{"0.1/second burst 3 soft as pace", "4/day", "quota_exceeded, day (requests) of key", "key pace 10s; ", []int64{3, 5}},
			{"0.1/second burst 3 soft as pace", "6/day", "admitted", "key pace 10s; ", []int64{3, 6}},
			{"0.1/second burst 3 as pace", "6/day", "quota_exceeded, pace (requests) of key, day (requests) of key", "", []int64{3, 6}},
			{"0.1/second burst 3 soft as pace", "6/day soft", "admitted", "key pace 10s; key day 24h0m0s; ", []int64{3, 7}},
		} {
			if step.pace != "" {
				require.NoError(t, second(h.plans.Update(t.Context(), p.ID, func(p *usageplan.Plan) error {
					p.Throttles, p.Quotas = throttlesOf(step.pace), quotasOf(step.day)
					return nil
				})))
			}
			d := h.bothSoft(gate.Request{Secret: secret})
			require.Equal(t, step.want, decision(&d.Outcome), i)
			require.Equal(t, step.would, wouldRefuse(&d.Outcome), i)
			require.Equal(t, step.used, h.levels(d.Key.ID), i)
		}
	})
}

// TestSettleAboveSoft settles and refunds requests that a soft limit had no room for. A
// quota counted them. A bucket took nothing, so it gets nothing back.
func TestSettleAboveSoft(t *testing.T) {
	for name, test := range map[string]struct {
		correct func(context.Context, *gate.Gate, *gate.Decision) error
		levels  string
	}{
		"down":   {settleTo(usageplan.Costs{3}), "input 9, input/day 11 | input 9, cents/day 0, throttle 2"},
		"to fit": {settleTo(usageplan.Costs{1}), "input 9, input/day 9 | input 9, cents/day 0, throttle 2"},
		"up":     {settleTo(usageplan.Costs{50}), "input 8, input/day 58 | input 8, cents/day 0, throttle 2"},
		"to 0":   {settleTo(usageplan.Costs{}), "input 8, input/day 8 | input 8, cents/day 0, throttle 2"},
		"refund": {func(ctx context.Context, g *gate.Gate, d *gate.Decision) error { return g.Refund(ctx, d) },
			"input 8, input/day 8 | input 8, cents/day 0, throttle 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if name == "down" { // what is left of the bucket suffices for 2 only
					test.levels = "input 8, input/day 11 | input 8, cents/day 0, throttle 2"
				}
				h := newUnits(t)
				h.family(
					usageplan.Plan{Throttles: throttlesOf("0.001 input/second burst 10 soft"), Quotas: quotasOf("5 input/day soft")},
					usageplan.Plan{Throttles: throttlesOf("0.001 input/second burst 10 soft"), Quotas: quotasOf("5 cents/day soft")},
					usageplan.Plan{Throttle: throttle(0.001, 9)},
				)
				h.bothSoft(gate.Request{KeyID: "key", Costs: usageplan.Costs{8}})
				d := h.bothSoft(gate.Request{KeyID: "key", Costs: usageplan.Costs{7}})
				require.True(t, d.Allowed)
				require.Equal(t, "input 8, input/day 15 | input 8, cents/day 0, throttle 2", levelsText(&d.Outcome))
				require.NoError(t, test.correct(t.Context(), h.gate, d))
				after, err := h.gate.Peek(t.Context(), gate.Request{KeyID: "key"})
				require.NoError(t, err)
				require.Equal(t, test.levels, levelsText(&after.Outcome))
			})
		})
	}
}
