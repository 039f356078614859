package gate_test

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
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
