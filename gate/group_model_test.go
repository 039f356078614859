package gate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// modelPayer is what a key or a group is in the plain model: a plan, a bucket and counts.
// The model's times are whole seconds, and its rates whole tokens a second.
type modelPayer struct {
	name   string          // as a gate.Payer prints it
	plan   *usageplan.Plan // nil if it has none
	tokens int64
	filled time.Time        // when tokens was right
	counts map[string]int64 // by the quota's name and the window's start, and by the day
	above  *modelPayer
}

// limitsOn returns the plan of p if it counts on a stage, and otherwise nil.
func (p *modelPayer) limitsOn(stage string) *usageplan.Plan {
	if p.plan == nil || len(p.plan.Stages) > 0 && p.plan.Stages[0].Name != stage {
		return nil
	}
	return p.plan
}

// modelWindow returns the name under which a window is counted, and its end.
func modelWindow(q quota.Quota, at time.Time) (name string, end time.Time) {
	length := map[quota.Period]time.Duration{quota.Hour: time.Hour, quota.Day: 24 * time.Hour}[q.Period]
	start := at.Truncate(length)
	return q.NameOrPeriod() + start.String(), start.Add(length)
}

func modelDay(at time.Time) string { return "record" + at.Truncate(24*time.Hour).String() }

// bucketOf returns the throttle of a plan, its name, and what a request takes of it.
// Without a throttle the name is empty.
func bucketOf(plan *usageplan.Plan, cost int64) (l limiter.Limit, name string, n int64) {
	switch {
	case plan.Throttle != nil:
		return *plan.Throttle, "throttle", 1
	case plan.Throttles != nil:
		return plan.Throttles[0].Limit, "tokens", cost
	}
	return l, "", 0
}

// refill brings the tokens of p up to date.
func (p *modelPayer) refill(l limiter.Limit, at time.Time) {
	p.tokens = min(int64(l.Burst), p.tokens+int64(at.Sub(p.filled)/time.Second)*int64(l.Rate))
	p.filled = at
}

// waits returns the limits of p that refuse a request, each with how long.
func (p *modelPayer) waits(stage string, cost int64, at time.Time) (names []string, waits []time.Duration) {
	plan := p.limitsOn(stage)
	if plan == nil {
		return nil, nil
	}
	add := func(name string, wait time.Duration) {
		names, waits = append(names, p.name+" "+name), append(waits, wait)
	}
	if l, name, n := bucketOf(plan, cost); name != "" {
		p.refill(l, at)
		switch missing := n - p.tokens; {
		case n > int64(l.Burst):
			add(name, store.Never)
		case missing > 0: // in whole microseconds
			add(name, (time.Duration(missing)*time.Second+time.Duration(l.Rate)*time.Microsecond-1)/time.Duration(l.Rate)/time.Microsecond*time.Microsecond)
		}
	}
	for _, q := range plan.Quotas {
		name, end := modelWindow(q, at)
		switch {
		case cost > q.Limit:
			add(q.NameOrPeriod(), store.Never)
		case p.counts[name]+cost > q.Limit:
			add(q.NameOrPeriod(), end.Sub(at))
		}
	}
	return names, waits
}

// charge counts n more of each window that a request at an instant is in.
func (p *modelPayer) charge(stage string, n int64, at time.Time) {
	p.counts[modelDay(at)] += n
	if plan := p.limitsOn(stage); plan != nil {
		for _, q := range plan.Quotas {
			name, _ := modelWindow(q, at)
			p.counts[name] += n
		}
	}
}

// settle corrects the cost of a request that was made at an instant by n, also the bucket
// of tokens. A bucket that has too few tokens for more keeps them.
func (p *modelPayer) settle(stage string, n int64, at, now time.Time) {
	p.charge(stage, n, at)
	plan := p.limitsOn(stage)
	if plan == nil || plan.Throttles == nil {
		return
	}
	l := plan.Throttles[0].Limit
	p.refill(l, now)
	if n <= p.tokens {
		p.tokens = min(int64(l.Burst), p.tokens-n)
	}
}

// admit decides a request and charges it. It returns the text of outcome, and the wait.
func (p *modelPayer) admit(stage string, cost int64, at time.Time) (text string, wait time.Duration) {
	hasPlan := p.plan != nil
	for g := p.above; g != nil && p.plan == nil; g = g.above {
		hasPlan = hasPlan || g.limitsOn(stage) != nil
	}
	if !hasPlan {
		return "no_plan", 0
	}
	reason := "admitted"
	for payer := p; payer != nil; payer = payer.above {
		names, waits := payer.waits(stage, cost, at)
		for i, name := range names {
			text += ", " + name
			if waits[i] > wait {
				wait, reason = waits[i], "quota_exceeded"
				if strings.HasSuffix(name, " throttle") || strings.HasSuffix(name, " tokens") {
					reason = "throttled"
				}
			}
		}
	}
	switch wait {
	case store.Never:
		reason = "never_fits"
	case 0:
		for payer := p; payer != nil; payer = payer.above {
			payer.charge(stage, cost, at)
			if plan := payer.limitsOn(stage); plan != nil {
				_, _, n := bucketOf(plan, cost)
				payer.tokens -= n
			}
		}
	}
	return reason + text, wait
}

// randomPlan returns a plan with an ID, or nil.
func randomPlan(rnd *rand.Rand, id string, scale int64) *usageplan.Plan {
	if rnd.IntN(4) == 0 {
		return nil
	}
	p := &usageplan.Plan{ID: id}
	switch burst := 3 + rnd.IntN(int(scale)); rnd.IntN(4) {
	case 0:
		p.Throttle = throttle(1, burst)
	case 1:
		p.Throttles = tokensPerSecond(1, burst)
	}
	for _, period := range []quota.Period{quota.Hour, quota.Day} {
		if rnd.IntN(3) > 0 {
			p.Quotas = append(p.Quotas, quota.Quota{Limit: scale + rnd.Int64N(scale*3), Unit: "tokens", Period: period})
		}
	}
	return p
}

// TestGroupsModel plays random histories of an organisation, two teams and six keys, and
// compares every decision, wait and count with a plain model.
func TestGroupsModel(t *testing.T) {
	for seed := range uint64(30) {
		for name, counter := range map[string]func(store.Counter) store.Counter{
			"one step": func(c store.Counter) store.Counter { return c },
			"apart":    func(c store.Counter) store.Counter { return separate{c} },
		} {
			t.Run(fmt.Sprint(name, "/seed=", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { playGroups(t, rand.New(rand.NewPCG(seed, 1)), counter) })
			})
		}
	}
}

func playGroups(t *testing.T, rnd *rand.Rand, counter func(store.Counter) store.Counter) {
	h := newTree(t, func(cfg *parts) {
		cfg.Counter = counter(cfg.Counter)
		cfg.Account = throttle(1000, 1<<20) // a part of each charge, which never refuses
	})
	payers := newCompany(h, rnd)
	type open struct {
		d     gate.Decision
		key   *modelPayer
		stage string
		at    time.Time
	}
	var settle []*open
	for i := range 400 {
		time.Sleep(time.Duration(rnd.IntN(4)*rnd.IntN(4)*rnd.IntN(300)) * time.Second)
		at := time.Now()
		o := &open{key: payers[3+rnd.IntN(6)], stage: []string{"prod", "test"}[rnd.IntN(2)], at: at}
		cost := 1 + rnd.Int64N(3)*rnd.Int64N(5)
		req := gate.Request{KeyID: strings.TrimPrefix(o.key.name, "key "), API: "pets", Stage: o.stage, Costs: costs(cost)}
		d, text := h.both(req)
		want, wait := o.key.admit(o.stage, cost, at)
		require.Equal(t, want, text, "step %d", i)
		require.Equal(t, wait, d.RetryAfter, "step %d", i)
		if d.Allowed {
			o.d.Outcome = d.Outcome
			settle = append(settle, o)
		}
		if len(settle) > 0 && rnd.IntN(3) == 0 {
			j := rnd.IntN(len(settle))
			o, actual := settle[j], rnd.Int64N(15)
			settle = append(settle[:j], settle[j+1:]...)
			for range 2 {
				require.NoError(t, h.gate.Settle(t.Context(), &o.d, costs(actual)))
			}
			for p := o.key; p != nil; p = p.above {
				p.settle(o.stage, actual-o.d.Costs[0], o.at, at)
			}
		}
		if i%20 == 0 {
			compareCounts(t, h, payers, at)
		}
	}
}

// newCompany makes an organisation, two teams and six keys, with random plans. It returns
// them in this order.
func newCompany(h *tree, rnd *rand.Rand) (payers []*modelPayer) {
	now := time.Now()
	add := func(id, kind string, above *modelPayer, scale int64, stages bool) *modelPayer {
		p := &modelPayer{name: kind + " " + id, plan: randomPlan(rnd, "plan-"+id, scale), filled: now, counts: map[string]int64{}, above: above}
		if p.plan != nil {
			if stages && rnd.IntN(3) == 0 {
				p.plan.Stages = []usageplan.Stage{{API: "pets", Name: "prod"}}
			}
			l, _, _ := bucketOf(p.plan, 0)
			p.tokens = int64(l.Burst)
			h.plan(*p.plan)
		}
		payers = append(payers, p)
		return p
	}
	planID := func(p *modelPayer) (suffix string, plans []string) {
		if p.plan == nil {
			return "", nil
		}
		return " " + p.plan.ID, []string{p.plan.ID}
	}
	acme := add("acme", "group", nil, 60, true)
	suffix, _ := planID(acme)
	h.group("acme" + suffix)
	var teams []*modelPayer
	for _, id := range []string{"search", "help"} {
		team := add(id, "group", acme, 40, true)
		suffix, _ := planID(team)
		h.group("acme>" + id + suffix)
		teams = append(teams, team)
	}
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		key := add(id, "key", teams[i%2], 20, false)
		_, plans := planID(key)
		h.member(id, []string{"search", "help"}[i%2], plans...)
	}
	return payers
}

func compareCounts(t *testing.T, h *tree, payers []*modelPayer, at time.Time) {
	for _, p := range payers {
		kind, id, _ := strings.Cut(p.name, " ")
		var days []quota.DayUsage
		var err error
		if kind == "group" {
			days, err = h.gate.GroupUsageByDay(t.Context(), id, "tokens", 2)
		} else {
			planID := ""
			if p.plan != nil {
				planID = p.plan.ID
			}
			days, err = h.gate.UsageByDay(t.Context(), planID, id, "tokens", 2)
		}
		require.NoError(t, err)
		require.Equal(t, []int64{p.counts[modelDay(at.Add(-24*time.Hour))], p.counts[modelDay(at)]}, used(days), p.name)
	}
}
