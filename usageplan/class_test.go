package usageplan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// forAll is what a plan has for classes and routes.
type forAll = map[string]usageplan.Limits

// daily returns limits that are one quota of requests a day.
func daily() usageplan.Limits { return usageplan.Limits{Quotas: perDay(9)} }

const (
	classRule  = `want 1 to 64 ASCII letters, digits and any of "._:@-"`
	uniqueRule = `want a unique name ("throttle", "use" and names that begin with "use " or "throttle " are reserved): in a text, add " as NAME"`
)

// TestCheckClass checks the rules of the name of a class.
func TestCheckClass(t *testing.T) {
	for _, good := range []string{"a", "opus", "gpt-4.1:batch@eu_1", "4", "-", ".", "requests", "use", strings.Repeat("x", 64)} {
		require.NoError(t, usageplan.CheckClass(good), good)
	}
	for _, bad := range []string{"", " ", "a b", "a/b", "/", "*", "größe", "a\x00", "a\n", "a,b", `"`, strings.Repeat("x", 65)} {
		require.EqualError(t, usageplan.CheckClass(bad), fmt.Sprintf("class: %.80q: %s", bad, classRule))
	}
}

// TestNamed checks the names of the limits of classes and routes.
func TestNamed(t *testing.T) {
	l := usageplan.Limits{
		Throttles: []usageplan.Throttle{{}, {Unit: "tokens"}, {Unit: "tokens", Name: "tpm"}},
		Quotas:    []quota.Quota{{Period: quota.Day}, {Unit: "tokens", Period: quota.Day}, {Name: "free", Period: quota.Day}, {}},
	}
	own := usageplan.Plan{For: forAll{"opus": l}}.Clone()
	var names []string
	for _, key := range []string{"opus", "GET /a"} {
		named := l.Named(key)
		for _, throttle := range named.Throttles {
			names = append(names, throttle.Name)
		}
		for _, q := range named.Quotas {
			names = append(names, q.Name)
		}
	}
	require.Equal(t, []string{
		"opus requests", "opus tokens", "opus tpm", "opus day", "opus tokens/day", "opus free", "",
		"GET /a requests", "GET /a tokens", "GET /a tpm", "GET /a day", "GET /a tokens/day", "GET /a free", "",
	}, names)
	require.Equal(t, own.For["opus"], l, "unchanged")
	require.Equal(t, usageplan.Limits{}, usageplan.Limits{}.Named("opus"))
}

// TestForFaults checks the rules of the limits of one class or route. A plan reports all
// faults at once.
func TestForFaults(t *testing.T) {
	long, other := strings.Repeat("x", 64), strings.Repeat("y", 64)
	for _, c := range []struct {
		key    string
		limits usageplan.Limits
		want   string // without the path, which begins each line; empty if there is no fault
	}{
		{"opus", daily(), ""},
		{"use-it", daily(), ""},
		{"GET /pets/{id}", daily(), ""},
		{"/pets", daily(), ""},
		{long, usageplan.Limits{Quotas: []quota.Quota{{Name: long[1:], Period: quota.Day}}}, ""},
		{"opus", usageplan.Limits{}, ": no limits: want one, or no such member"},
		{"opus", usageplan.Limits{Throttles: []usageplan.Throttle{}, Quotas: []quota.Quota{}}, ": no limits: want one, or no such member"},
		{"", daily(), `: class: "": ` + classRule},
		{"a b", daily(), `: class: "a b": ` + classRule},
		{"opus/v2", daily(), `: route: want a form like "GET /pets/{id}"`},
		{"get /pets", daily(), `: route: want a form like "GET /pets/{id}"`},
		{"/pets/GET", daily(), `: route: want the canonical name "GET /pets"`},
		{"ANY /pets", daily(), `: route: want the canonical name "/pets"`},
		{"GET /漢", daily(), ": route: want visible ASCII characters or spaces, as in the names of its limits"},
		{"*", daily(), ": want a class or a single route: limits for every request belong in throttles and quotas"},
		{"*/*", daily(), ": want a class or a single route: limits for every request belong in throttles and quotas"},
		{"a b", usageplan.Limits{}, `: class: "a b": ` + classRule + "\n: no limits: want one, or no such member"},
		{long, usageplan.Limits{
			Throttles: []usageplan.Throttle{{Name: long}},
			Quotas:    []quota.Quota{{Period: quota.Day}, {Name: other, Unit: "tokens", Period: quota.Day}},
		}, `.throttles[0].name: "` + long + " " + long[:35] + `": 129 bytes: want at most 128` + "\n" +
			`.quotas[1].name: "` + long + " " + other[:35] + `": 129 bytes: want at most 128`},
		{"opus", usageplan.Limits{
			Throttles: []usageplan.Throttle{{Limit: limiter.Limit{Rate: -1, Burst: -1}, Name: "\n"}, {Limit: limiter.MustParse("unlimited")}},
			Quotas:    []quota.Quota{{Limit: -1, Unit: "?"}, {Name: long + long + "x", Period: quota.Day}},
		}, ".throttles[0].burst: -1: want 0 or more\n.throttles[0].rate: -1 a second: want 0, 1e-8 to 1e12, or rate.Inf\n" +
			".throttles[0].name: \"\\n\": want up to 128 visible ASCII characters or spaces\n" +
			".throttles[1].rate: unlimited: want a rate, or no such throttle\n" +
			".quotas[0].limit: -1: want 0 to 2^53-2\n" +
			".quotas[0].unit: \"?\": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first\n" +
			".quotas[0].period: 0: want one of Minute to Year\n" +
			`.quotas[1].name: "` + (long + long)[:100] + `": want up to 128 visible ASCII characters or spaces`},
		{"opus", usageplan.Limits{Quotas: append(perDay(1), perDay(2)...)}, `.quotas[1].name: "opus day": ` + uniqueRule},
		{"opus", usageplan.Limits{Throttles: []usageplan.Throttle{{}, {Name: "day"}}, Quotas: perDay(1)}, `.quotas[0].name: "opus day": ` + uniqueRule},
		{"use", daily(), `.quotas[0].name: "use day": ` + uniqueRule},
		{"throttle", daily(), `.quotas[0].name: "throttle day": ` + uniqueRule},
	} {
		p := usageplan.Plan{For: forAll{c.key: c.limits}}
		if c.want == "" {
			require.NoError(t, p.Validate(), "%+v", p)
			continue
		}
		path := fmt.Sprintf("for[%q]", c.key)
		require.EqualError(t, p.Validate(), "usageplan: invalid plan: "+path+strings.ReplaceAll(c.want, "\n", "\n"+path))
		require.ErrorIs(t, p.Validate(), usageplan.ErrInvalid)
	}

	p := usageplan.Plan{Name: "\x00", Quotas: perDay(-1), For: forAll{"b c": daily(), "a": {}, "opus": {Quotas: perDay(-2)}}}
	require.EqualError(t, p.Validate(), "usageplan: invalid plan: name: \"\\x00\": want UTF-8 without control characters\n"+
		"quotas[0].limit: -1: want 0 to 2^53-2\n"+
		"for[\"a\"]: no limits: want one, or no such member\n"+
		"for[\"b c\"]: class: \"b c\": "+classRule+"\n"+
		"for[\"opus\"].quotas[0].limit: -2: want 0 to 2^53-2")
}

// TestForBesideOthers checks what the limits of classes and routes must not be beside the
// other limits of a plan.
func TestForBesideOthers(t *testing.T) {
	throttled := func(n int) usageplan.Limits { return usageplan.Limits{Throttles: throttlesOf(n)} }
	counted := func(n int) usageplan.Limits { return usageplan.Limits{Quotas: quotasOf(n)} }
	most := func(n int) string {
		return fmt.Sprintf("for: a request can meet %d throttles and quotas: want at most 9", n)
	}
	for _, c := range []struct {
		plan usageplan.Plan
		want string
	}{
		{usageplan.Plan{For: forAll{"a": counted(9), "b": throttled(9)}}, ""},
		{usageplan.Plan{For: forAll{"a": counted(10)}}, most(10)},
		{usageplan.Plan{For: forAll{"a": counted(5), "b": counted(2), "GET /a": throttled(4), "GET /b": throttled(1)}}, ""},
		{usageplan.Plan{For: forAll{"a": counted(5), "b": counted(2), "GET /a": throttled(5), "GET /b": throttled(1)}}, most(10)},
		{usageplan.Plan{Throttles: throttlesOf(2), Quotas: quotasOf(3), For: forAll{"a": counted(2), "/a": throttled(2)}}, ""},
		{usageplan.Plan{Throttles: throttlesOf(2), Quotas: quotasOf(3), For: forAll{"a": counted(2), "/a": throttled(3)}}, most(10)},
		{usageplan.Plan{Throttles: throttlesOf(5), Quotas: quotasOf(5), For: forAll{"a": counted(2)}}, "throttles, quotas: 10 of them: want at most 9"},
		{usageplan.Plan{Quotas: []quota.Quota{{Name: "opus day", Period: quota.Day}}, For: forAll{"opus": daily()}},
			`for["opus"].quotas[0].name: "opus day": ` + uniqueRule},
		{usageplan.Plan{Throttles: []usageplan.Throttle{{Name: "opus day"}}, For: forAll{"opus": daily()}},
			`for["opus"].quotas[0].name: "opus day": ` + uniqueRule},
		{usageplan.Plan{For: forAll{"GET": {Quotas: []quota.Quota{{Name: "/a day", Period: quota.Day}}}, "GET /a": daily()}},
			`for["GET /a"].quotas[0].name: "GET /a day": ` + uniqueRule},
		{usageplan.Plan{Quotas: perDay(1), For: forAll{"a": daily(), "b": daily(), "/a": daily(), "GET /a": daily()}}, ""},
	} {
		if c.want == "" {
			require.NoError(t, c.plan.Validate(), "%+v", c.plan)
			continue
		}
		require.EqualError(t, c.plan.Validate(), "usageplan: invalid plan: "+c.want)
	}

	many := usageplan.Plan{For: forAll{}}
	for i := range usageplan.MaxFor {
		many.For[fmt.Sprint("c", i)] = daily()
	}
	require.NoError(t, many.Validate())
	many.For["one-more"] = daily()
	require.EqualError(t, many.Validate(), "usageplan: invalid plan: for: 101 of them: want at most 100")
}

// TestLongestNames checks that the meters of limits with the longest names have names
// that a store accepts.
func TestLongestNames(t *testing.T) {
	class, name := strings.Repeat("c", 64), strings.Repeat("n", quota.MaxName-65)
	p := usageplan.Plan{
		Throttles: []usageplan.Throttle{{Unit: longUnit, Name: strings.Repeat("N", quota.MaxName)}},
		Quotas:    []quota.Quota{{Unit: longUnit, Name: strings.Repeat("n", quota.MaxName), Period: quota.Minute}},
		For: forAll{class: {
			Throttles: []usageplan.Throttle{{Unit: longUnit, Name: name + "."}, {Unit: longUnit}},
			Quotas:    []quota.Quota{{Unit: longUnit, Name: name, Period: quota.Minute}, {Unit: longUnit, Period: quota.Minute}},
		}},
	}
	p.For[class].Throttles[0].Name = name[1:] + "."
	require.NoError(t, p.Validate())
	var meters []store.Meter
	for _, l := range []usageplan.Limits{{Throttles: p.Throttles, Quotas: p.Quotas}, p.For[class].Named(class)} {
		for _, throttle := range l.Throttles {
			m, err := throttle.Meter(metername.Named(throttle.Unit, throttle.NameOrUnit()))
			require.NoError(t, err)
			meters = append(meters, m)
		}
		for _, q := range l.Quotas {
			meters = append(meters, q.Meter(time.Now(), time.Hour))
		}
	}
	require.NoError(t, store.CheckMeters(meters))
}

// TestMostLimits admits requests of a plan whose limits are as many as a request can
// meet, with the longest names, by a service with as many units as there may be. The
// requests have an ID, so they have all meters that a part of a charge can have.
func TestMostLimits(t *testing.T) {
	h := newFixture(t, func(p *parts) {
		p.Units = usageplan.Units{{Name: longUnit}, {Name: "b"}, {Name: "c"}, {Name: "d"}}
	})
	class, route := strings.Repeat("c", 64), "GET /"+strings.Repeat("x", 50)
	limit := limiter.Limit{Rate: 1e-6, Burst: 9}
	both := func(prefix int, n int64) usageplan.Limits {
		name := strings.Repeat("n", quota.MaxName-prefix)
		return usageplan.Limits{
			Throttles: []usageplan.Throttle{{Limit: limit, Unit: longUnit, Name: name[1:] + "t"}},
			Quotas:    []quota.Quota{{Limit: n, Unit: longUnit, Period: quota.Year, Name: name}, {Limit: 9, Period: quota.Year}},
		}
	}
	all := both(0, 9)
	_, secret, _ := h.linked(usageplan.Plan{
		Throttle: &limit, Throttles: all.Throttles, Quotas: all.Quotas,
		For: forAll{class: both(len(class)+1, 2), route: both(len(route)+1, 5), "other": {Quotas: quotasOf(1)}},
	})
	for i, step := range []struct {
		class, route string
		allowed      bool
	}{
		{class, route, true}, {class, route, true}, {class, route, false}, {class, "GET /", false},
		{"other", route, true}, {"", route, true}, {"", route, true}, {"", route, false},
		{"other", "GET /", true}, {"", "", true}, {"", "", true}, {"", "", true}, {"", "", false},
	} {
		d := h.admit(gate.Request{Secret: secret, ID: fmt.Sprint(i), Class: step.class, Route: step.route, Costs: usageplan.Costs{1, 1, 1, 1}})
		require.Equal(t, step.allowed, d.Allowed, "%d: %v", i, d.Reason)
	}
}
