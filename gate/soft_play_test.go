package gate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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

func levelsOf(met []plainState) (text string) {
	for i := range met {
		text += fmt.Sprintf(", %s %s %d", met[i].payer, met[i].name, met[i].used())
	}
	return text
}

// says returns the text of plainModel.decide of an Outcome.
func says(o *gate.Outcome) string {
	text := o.Reason.String()
	if o.Repeated {
		text += ", repeated"
	}
	for l := range o.Refusals() {
		text += fmt.Sprintf("; %v %s %d", l.Payer, l.Name, l.Wait)
	}
	for l := range o.WouldRefuse() {
		text += fmt.Sprintf("; would %v %s %d", l.Payer, l.Name, l.Wait)
	}
	for l := range o.Levels() {
		text += fmt.Sprintf(", %v %s %d", l.Payer, l.Name, l.Used)
	}
	for l := range o.GroupLevels() {
		text += fmt.Sprintf(", %v %s %d", l.Payer, l.Name, l.Used)
	}
	return text
}

// randomLimits returns a random plan and its limits in the model.
func (m *plainModel) randomLimits(rnd *rand.Rand, payer, id string, scale int64) usageplan.Plan {
	p := usageplan.Plan{ID: id, For: map[string]usageplan.Limits{}}
	var buckets, windows []*plainLimit
	bucket := func(l plainLimit) limiter.Limit {
		l.payer, l.most, l.filled = payer, 1+rnd.Int64N(scale/2), time.Now()
		l.tokens = l.most
		buckets = append(buckets, &l)
		return limiter.Limit{Rate: 1, Burst: int(l.most)}
	}
	if rnd.IntN(2) == 0 {
		l := bucket(plainLimit{name: "throttle", notRoute: "GET /a"})
		p.Throttle = &l
	}
	if rnd.IntN(2) == 0 || p.Throttle != nil {
		p.Routes = map[string]limiter.Limit{"GET /a": bucket(plainLimit{name: "throttle GET /a", route: "GET /a"})}
	}
	for _, key := range []string{"", "opus", "haiku", "GET /a", "GET /b"} {
		var limits usageplan.Limits
		prefix, template := "", plainLimit{}
		switch key {
		case "opus", "haiku":
			prefix, template.class = key+" ", key
		case "GET /a", "GET /b":
			prefix, template.route = key+" ", key
		}
		for i := range rnd.IntN(3) {
			l, unit := template, ""
			l.soft, l.byTokens = rnd.IntN(3) == 0, rnd.IntN(2) == 0
			if l.byTokens {
				unit = "tokens"
			}
			name := fmt.Sprint("limit-", i)
			l.name = prefix + name
			if rnd.IntN(3) == 0 {
				limits.Throttles = append(limits.Throttles, usageplan.Throttle{Limit: bucket(l), Unit: unit, Name: name, Soft: l.soft})
				continue
			}
			period := []quota.Period{quota.Minute, quota.Hour, quota.Day}[rnd.IntN(3)]
			l.window = map[quota.Period]time.Duration{quota.Minute: time.Minute, quota.Hour: time.Hour, quota.Day: 24 * time.Hour}[period]
			l.payer, l.most, l.counts = payer, scale+rnd.Int64N(2*scale), map[time.Time]int64{}
			limits.Quotas = append(limits.Quotas, quota.Quota{Name: name, Limit: l.most, Unit: unit, Period: period, Soft: l.soft})
			windows = append(windows, &l)
		}
		if key == "" {
			p.Throttles, p.Quotas = limits.Throttles, limits.Quotas
		} else if len(limits.Throttles)+len(limits.Quotas) > 0 {
			p.For[key] = limits
		}
	}
	m.limits = append(m.limits, slices.Concat(buckets, windows)...)
	return p
}

// TestSoftModel plays random histories of a key in two groups, whose plans have limits in
// two units, of classes and of routes, hard and soft. It turns the limits off and on,
// repeats IDs and settles. A plain model says the same of every decision and every count.
func TestSoftModel(t *testing.T) {
	seeds := uint64(30)
	if testing.Short() {
		seeds = 6
	}
	for seed := range seeds {
		for name, counter := range places {
			t.Run(fmt.Sprint(name, "/seed=", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { playSoft(t, rand.New(rand.NewPCG(seed, 14)), counter) })
			})
		}
	}
}

func playSoft(t *testing.T, rnd *rand.Rand, counter func(store.Counter) store.Counter) {
	const burst = 40
	h := newTree(t, func(cfg *parts) {
		cfg.Counter, cfg.Account, cfg.KeepIDs = counter(cfg.Counter), throttle(1, burst), 1000*time.Hour
	})
	m := &plainModel{ids: map[string]bool{}}
	m.account = &plainLimit{payer: "account", name: "throttle", most: burst, tokens: burst, filled: time.Now()}
	for i, payer := range []string{"key k", "group search", "group acme"} {
		h.plan(m.randomLimits(rnd, payer, []string{"key", "team", "org"}[i], []int64{10, 16, 20}[i]))
	}
	h.group("acme org")
	h.group("acme>search team")
	h.member("k", "search", "key")
	type paid struct {
		d   *gate.Decision
		met []plainState
	}
	var open []paid
	enforce := true
	for i := range 300 {
		time.Sleep(time.Duration(rnd.IntN(3)*rnd.IntN(3)*rnd.IntN(200)) * time.Second)
		if rnd.IntN(10) == 0 {
			enforce = !enforce
			h.gate.Enforce(enforce)
		}
		req := gate.Request{
			KeyID: "k", Class: []string{"", "opus", "haiku", "other"}[rnd.IntN(4)], Route: []string{"", "GET /a", "GET /b", "GET /c"}[rnd.IntN(4)],
			Costs: costs(rnd.Int64N(4) * rnd.Int64N(4)), At: time.Now(),
		}
		if rnd.IntN(4) == 0 {
			req.ID = fmt.Sprint("order ", rnd.IntN(100))
		}
		d := h.bothSoft(req)
		want, met := m.decide(&req, enforce)
		require.Equal(t, want, says(&d.Outcome), "step %d", i)
		if d.Charged {
			open = append(open, paid{d, met})
		}
		if len(open) > 0 && rnd.IntN(3) == 0 {
			j := rnd.IntN(len(open))
			o, actual := open[j], rnd.Int64N(12)
			open = slices.Delete(open, j, j+1)
			require.NoError(t, h.gate.Settle(t.Context(), o.d, costs(actual)))
			for k := range o.met {
				o.met[k].settle(o.d.Costs[0], actual, time.Now())
			}
		}
	}
}
