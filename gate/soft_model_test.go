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

// A plainLimit is one limit in the plain model. Its bucket gets one token a second, and
// its times are whole seconds.
type plainLimit struct {
	payer, name string
	class       string // of usageplan.Plan.For, or ""
	route       string // of usageplan.Plan.For, or of the throttle of a route, or ""
	notRoute    string // the route that has a throttle instead
	byTokens    bool   // counts tokens, and not requests
	soft        bool
	most        int64
	window      time.Duration // zero for a bucket
	tokens      int64
	filled      time.Time
	counts      map[time.Time]int64 // by the window's start
}

// A plainState is what one limit says of a request.
type plainState struct {
	*plainLimit
	start time.Time // of the window
	n     int64
	wait  time.Duration
}

func (l *plainLimit) matches(req *gate.Request) bool {
	return (l.class == "" || l.class == req.Class) && (l.route == "" || l.route == req.Route) && (l.notRoute == "" || l.notRoute != req.Route)
}

func (l *plainLimit) units(cost int64) int64 {
	if l.byTokens {
		return cost
	}
	return 1
}

func (l *plainLimit) refill(at time.Time) {
	l.tokens = min(l.most, l.tokens+int64(at.Sub(l.filled)/time.Second))
	l.filled = at
}

// state says how long a request has to wait for the limit.
func (l *plainLimit) state(cost int64, at time.Time) plainState {
	s := plainState{plainLimit: l, n: l.units(cost)}
	switch {
	case l.window == 0:
		l.refill(at)
		s.wait = time.Duration(max(0, s.n-l.tokens)) * time.Second
	default:
		s.start = at.Truncate(l.window)
		if l.counts[s.start]+s.n > l.most && s.n > 0 {
			s.wait = s.start.Add(l.window).Sub(at)
		}
	}
	if s.n > l.most {
		s.wait = store.Never
	}
	return s
}

// take charges the limit. A bucket with too few tokens keeps them.
func (s *plainState) take() {
	switch {
	case s.window > 0:
		s.counts[s.start] += s.n
	case s.wait == 0:
		s.tokens -= s.n
	}
}

// settle corrects what a request was charged.
func (s *plainState) settle(cost, actual int64, at time.Time) {
	change := actual - cost
	switch {
	case !s.byTokens:
		return
	case s.window > 0:
		s.counts[s.start] += change
		return
	case s.wait > 0:
		change = actual
	}
	s.refill(at)
	if change <= s.tokens {
		s.plainLimit.tokens = min(s.most, s.tokens-change)
	}
}

func (s *plainState) used() int64 {
	if s.window > 0 {
		return s.counts[s.start]
	}
	return s.most - s.tokens
}

// plainModel has the limits of a key, in the order of the Decision, and then those of the
// account.
type plainModel struct {
	limits  []*plainLimit
	account *plainLimit
	ids     map[string]bool
}

// decide returns what a Decision says, and the limits that the request met. If the
// request is admitted, it is charged.
func (m *plainModel) decide(req *gate.Request, enforce bool) (text string, met []plainState) {
	cost := req.Costs[0]
	for _, l := range m.limits {
		if l.matches(req) {
			met = append(met, l.state(cost, req.At))
		}
	}
	if m.ids[req.ID] {
		return "admitted, repeated" + levelsOf(met), nil
	}
	shared := m.account.state(cost, req.At)
	reason, refused, longest := "admitted", "", time.Duration(0)
	refuse := func(s *plainState) {
		refused += fmt.Sprintf("; %s %s %d", s.payer, s.name, s.wait)
		if s.wait > longest {
			longest, reason = s.wait, "throttled"
			if s.window > 0 {
				reason = "quota_exceeded"
			}
		}
	}
	for i := range met {
		if s := &met[i]; s.wait > 0 && !s.soft && enforce {
			refuse(s)
		}
	}
	if longest == 0 && shared.wait > 0 && enforce {
		refuse(&shared)
	}
	if longest == store.Never {
		reason = "never_fits"
	}
	would := ""
	for i := range met {
		if s := &met[i]; s.wait > 0 && (s.soft || !enforce) {
			would += fmt.Sprintf("; would %s %s %d", s.payer, s.name, s.wait)
		}
	}
	if shared.wait > 0 && !enforce {
		would += fmt.Sprintf("; would account throttle %d", shared.wait)
	}
	if longest == 0 {
		for i := range met {
			met[i].take()
		}
		shared.take()
		m.ids[req.ID] = req.ID != ""
	}
	return reason + refused + would + levelsOf(met), met
}

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
