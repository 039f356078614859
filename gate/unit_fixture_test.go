package gate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// model is the units of a service that sells the use of a language model.
var model = usageplan.Units{{Name: "input"}, {Name: "output"}, {Name: "cents"}}

func newUnits(t *testing.T, change ...func(*parts)) *fixture {
	return newFixture(t, append([]func(*parts){func(p *parts) { p.Units = model }}, change...)...)
}

// quotasOf and throttlesOf read the text forms.
func quotasOf(texts ...string) (all []quota.Quota) {
	for _, text := range texts {
		all = append(all, quota.MustParse(text))
	}
	return all
}

func throttlesOf(texts ...string) (all []usageplan.Throttle) {
	for _, text := range texts {
		all = append(all, must(usageplan.ParseThrottle(text)))
	}
	return all
}

// decision returns the reason of a decision, and the limits that refused with their
// units.
func decision(o *gate.Outcome) string {
	text := o.Reason.String()
	for l := range o.Refusals() {
		text += fmt.Sprintf(", %s (%s) of %v", l.Name, l.Unit, l.Payer.Kind)
	}
	return text
}

// ask peeks and then admits, checks that both decide the same, and returns the Decision.
func (h *fixture) ask(req gate.Request) *gate.Decision {
	h.t.Helper()
	req.At = time.Now()
	peeked, err := h.gate.Peek(h.t.Context(), req)
	require.NoError(h.t, err)
	d, err := h.gate.Admit(h.t.Context(), req)
	require.NoError(h.t, err)
	require.Equal(h.t, decision(&d.Outcome), decision(&peeked.Outcome), "Peek and Admit")
	require.Equal(h.t, outcome(&d.Outcome), outcome(&peeked.Outcome), "Peek and Admit")
	require.Equal(h.t, d.Allowed, peeked.Allowed)
	require.Equal(h.t, d.Repeated, peeked.Repeated)
	require.InDelta(h.t, d.RetryAfter, peeked.RetryAfter, float64(time.Microsecond))
	require.False(h.t, peeked.Charged)
	require.Zero(h.t, peeked.Costs)
	require.Equal(h.t, d.Allowed && !d.Repeated, d.Charged)
	want := usageplan.Costs{}
	if d.Charged {
		want = req.Costs
	}
	require.Equal(h.t, want, d.Costs)
	return &d
}

// levels returns what is used of the limits of a key, in their order.
func (h *fixture) levels(keyID string) (used []int64) {
	h.t.Helper()
	d, err := h.gate.Peek(h.t.Context(), gate.Request{KeyID: keyID})
	require.NoError(h.t, err)
	for l := range d.Levels() {
		used = append(used, l.Used)
	}
	return used
}

// records returns what the usage records of today say: of requests, and of each unit.
func (h *fixture) records(planID, keyID string, units usageplan.Units) (used []int64) {
	h.t.Helper()
	for _, unit := range slices.Concat(usageplan.Units{{Name: usageplan.Requests}}, units) {
		days, err := h.gate.UsageByDay(h.t.Context(), planID, keyID, unit.Name, 1)
		require.NoError(h.t, err)
		used = append(used, days[0].Used)
	}
	return used
}

func unlimited() *limiter.Limit { return &limiter.Limit{Rate: rate.Inf} }

// limitsOf returns limits for Plan.For. A text with "burst" is a throttle, any other is a
// quota.
func limitsOf(texts ...string) (l usageplan.Limits) {
	for _, text := range texts {
		if strings.Contains(text, "burst") {
			l.Throttles = append(l.Throttles, throttlesOf(text)...)
		} else {
			l.Quotas = append(l.Quotas, quotasOf(text)...)
		}
	}
	return l
}

// levelsText returns what is used of each limit of the key, and then of its groups.
func levelsText(o *gate.Outcome) string {
	var key, groups []string
	for l := range o.Levels() {
		key = append(key, fmt.Sprint(l.Name, " ", l.Used))
	}
	for l := range o.GroupLevels() {
		groups = append(groups, fmt.Sprint(l.Name, " ", l.Used))
	}
	return strings.Join(key, ", ") + " | " + strings.Join(groups, ", ")
}
