package fronttest

import (
	"time"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// limits are the limits of a case, as texts.
type limits struct {
	throttle string
	reports  string // the throttle of the route Reports
	quotas   []string
	class    string // a quota of the class "slow"
}

// plan returns a plan with the limits. names are those of the routes.
func (l limits) plan(names map[Route]string) usageplan.Plan {
	p := usageplan.Plan{ID: "plan"}
	if l.throttle != "" {
		p.Throttle = new(limiter.MustParse(l.throttle))
	}
	if l.reports != "" {
		p.Routes = map[string]limiter.Limit{names[Reports]: limiter.MustParse(l.reports)}
	}
	for _, text := range l.quotas {
		p.Quotas = append(p.Quotas, quota.MustParse(text))
	}
	if l.class != "" {
		p.For = map[string]usageplan.Limits{"slow": {Quotas: []quota.Quota{quota.MustParse(l.class)}}}
	}
	return p
}

// A step is one call of a case, and what is expected of it.
type step struct {
	after time.Duration // since the step before
	down  bool          // the counter fails during the step
	call  Call
	want  Kind
	wait  time.Duration    // of the answer, if it is Throttled; otherwise it is not compared
	left  map[string]int64 // these limits are in Answer.Remaining, if the Front shows it
	used  map[string]int64 // what the key has used of these limits after the step
}

// left and used make the table shorter.
type figures = map[string]int64

// tokens returns a call of Alice that costs n tokens.
func tokens(n int64, do Deed) Call { return Call{Route: Pets, Key: Alice, Cost: n, Do: do} }

// cases is the table. Each case has a service of its own.
var cases = []struct {
	name    string
	limits  limits
	options Options
	steps   []step
}{
	{"keys", limits{quotas: []string{"9/year"}}, Options{}, []step{
		{call: Call{Route: Pets}, want: Unauthenticated},
		{call: Call{Route: Pets, Key: Stranger}, want: Unauthenticated},
		{call: Call{Route: Pets, Key: Garbled}, want: Unauthenticated},
		{call: Call{Route: Pets, Key: Disabled}, want: Unauthenticated},
		{call: Call{Route: Pets, Key: Expired}, want: Unauthenticated},
		{call: Call{Route: Pets, Key: Planless}, want: Forbidden},
		{call: Call{Route: Pets, Key: Alice, Also: Bob}, want: Ambiguous, used: figures{"year": 0}},
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, left: figures{"year": 8}, used: figures{"year": 1}},
		{call: Call{Route: Reports, Key: Bob}, want: Admitted, left: figures{"year": 8}, used: figures{"year": 1}},
	}},
	{"a public route", limits{quotas: []string{"1/year"}}, Options{}, []step{
		{call: Call{Route: Health}, want: Admitted},
		{call: Call{Route: Health, Key: Stranger}, want: Admitted},
		{call: Call{Route: Health, Key: Alice}, want: Admitted, used: figures{"year": 0}},
	}},
	{"a throttle", limits{throttle: "6/m burst 2"}, Options{}, []step{
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, left: figures{"throttle": 1}},
		{call: Call{Route: Reports, Key: Alice}, want: Admitted, left: figures{"throttle": 0}},
		{call: Call{Route: Pets, Key: Alice}, want: Throttled, wait: 10 * time.Second, left: figures{"throttle": 0}},
		{call: Call{Route: Pets, Key: Bob}, want: Admitted, left: figures{"throttle": 1}},
		{after: 9 * time.Second, call: Call{Route: Pets, Key: Alice}, want: Throttled, wait: time.Second},
		{after: time.Second, call: Call{Route: Pets, Key: Alice}, want: Admitted, left: figures{"throttle": 0}},
		{call: Call{Route: Pets, Key: Alice}, want: Throttled, wait: 10 * time.Second},
	}},
	{"a throttle of a route", limits{throttle: "6/m burst 9", reports: "2/m burst 1"}, Options{}, []step{
		{call: Call{Route: Reports, Key: Alice}, want: Admitted},
		{call: Call{Route: Reports, Key: Alice}, want: Throttled, wait: 30 * time.Second},
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, left: figures{"throttle": 8}},
		{call: Call{Route: Reports, Key: Bob}, want: Admitted},
		{after: 30 * time.Second, call: Call{Route: Reports, Key: Alice}, want: Admitted},
	}},
	{"a quota", limits{quotas: []string{"2/year"}}, Options{}, []step{
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, left: figures{"year": 1}},
		{call: Call{Route: Reports, Key: Alice}, want: Admitted, left: figures{"year": 0}},
		{call: Call{Route: Pets, Key: Alice}, want: Quota, left: figures{"year": 0}, used: figures{"year": 2}},
		{call: Call{Route: Pets, Key: Bob}, want: Admitted, left: figures{"year": 1}},
	}},
	{"costs", limits{quotas: []string{"9/year", "100 tokens/year"}}, Options{}, []step{
		{call: tokens(60, Deed{}), want: Admitted, left: figures{"year": 8, "tokens/year": 40}},
		{call: tokens(41, Deed{}), want: Quota, left: figures{"year": 8, "tokens/year": 40}, used: figures{"year": 1, "tokens/year": 60}},
		{call: tokens(101, Deed{}), want: Forbidden, used: figures{"year": 1, "tokens/year": 60}},
		{call: tokens(40, Deed{}), want: Admitted, left: figures{"year": 7, "tokens/year": 0}},
	}},
	{"an ID", limits{quotas: []string{"2/year"}}, Options{}, []step{
		{call: Call{Route: Pets, Key: Alice, ID: "7"}, want: Admitted, used: figures{"year": 1}},
		{call: Call{Route: Pets, Key: Alice, ID: "7"}, want: Admitted, used: figures{"year": 1}},
		{call: Call{Route: Pets, Key: Alice, ID: "8"}, want: Admitted, used: figures{"year": 2}},
		{call: Call{Route: Pets, Key: Alice, ID: "7"}, want: Admitted, used: figures{"year": 2}},
		{call: Call{Route: Pets, Key: Alice, ID: "9"}, want: Quota, used: figures{"year": 2}},
	}},
	{"a class", limits{quotas: []string{"9/year"}, class: "1/year"}, Options{}, []step{
		{call: Call{Route: Pets, Key: Alice, Class: "slow"}, want: Admitted, left: figures{"year": 8, "slow year": 0}},
		{call: Call{Route: Pets, Key: Alice, Class: "slow"}, want: Quota},
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, left: figures{"year": 7}},
	}},
	{"settled costs", limits{quotas: []string{"9/year", "100 tokens/year"}}, Options{}, []step{
		{call: tokens(10, Deed{Settles: true, Settle: 3}), want: Admitted, used: figures{"year": 1, "tokens/year": 3}},
		{call: tokens(10, Deed{Settles: true, Settle: 120}), want: Admitted, used: figures{"year": 2, "tokens/year": 123}},
		{call: tokens(1, Deed{}), want: Quota},
	}},
	{"settled costs are not refunded", limits{quotas: []string{"9/year", "100 tokens/year"}}, Options{Refund: true}, []step{
		{call: tokens(10, Deed{Settles: true, Settle: 3, Fail: true}), want: Failed, used: figures{"year": 1, "tokens/year": 3}},
	}},
	{"a refund by the handler", limits{quotas: []string{"9/year", "100 tokens/year"}}, Options{}, []step{
		{call: tokens(10, Deed{Refund: true}), want: Admitted, used: figures{"year": 0, "tokens/year": 0}},
		{call: tokens(10, Deed{Fail: true}), want: Failed, used: figures{"year": 1, "tokens/year": 10}},
	}},
	{"a refund of failures", limits{throttle: "6/m burst 9", quotas: []string{"9/year", "100 tokens/year"}}, Options{Refund: true}, []step{
		{call: tokens(10, Deed{Fail: true}), want: Failed, used: figures{"year": 0, "tokens/year": 0}},
		{call: tokens(10, Deed{}), want: Admitted, used: figures{"year": 1, "tokens/year": 10}},
		{call: tokens(10, Deed{Fail: true}), want: Failed, used: figures{"year": 1, "tokens/year": 10}},
	}},
	{"a refund after a panic", limits{quotas: []string{"9/year"}}, Options{Refund: true}, []step{
		{call: tokens(0, Deed{Panic: true}), want: Failed, used: figures{"year": 0}},
		{call: tokens(0, Deed{}), want: Admitted, used: figures{"year": 1}},
	}},
	{"a panic without refunds", limits{quotas: []string{"9/year"}}, Options{}, []step{
		{call: tokens(0, Deed{Panic: true}), want: Failed, used: figures{"year": 1}},
		{call: tokens(0, Deed{}), want: Admitted, used: figures{"year": 2}},
	}},
	{"hidden credentials", limits{quotas: []string{"9/year"}}, Options{StripCredential: true}, []step{
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, used: figures{"year": 1}},
		{call: Call{Route: Health, Key: Alice}, want: Admitted},
	}},
	{"an outage", limits{quotas: []string{"9/year"}}, Options{Refund: true}, []step{
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, used: figures{"year": 1}},
		{down: true, call: Call{Route: Pets, Key: Alice}, want: Unavailable},
		{down: true, call: Call{Route: Pets, Key: Stranger}, want: Unauthenticated},
		{down: true, call: Call{Route: Health}, want: Admitted},
		{call: Call{Route: Pets, Key: Alice}, want: Admitted, used: figures{"year": 2}},
	}},
}
