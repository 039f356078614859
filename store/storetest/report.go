package storetest

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

// failure ends a case. It carries an error instead of failing the test, so that the suite
// can be run on stores that must fail it.
type failure struct{ error }

// skipped is the error of a case that the harness does not equip.
type skipped struct{ error }

// panicked is the error of a case in which the store panicked.
type panicked struct{ error }

// caught returns the error of f. A failure of the case becomes an error, and so does a
// panic of the store, with its stack.
func caught(f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			err = panicked{fmt.Errorf("the store panicked: %v\n%s", r, stack())}
		}
	}()
	return f()
}

// stack returns the stack of a panic, without the functions of the suite that called the
// case.
func stack() string {
	stack := string(debug.Stack())
	if _, below, ok := strings.Cut(stack, "\npanic("); ok {
		stack = "panic(" + below
	}
	if i := strings.Index(stack, "storetest.caught("); i >= 0 {
		stack = stack[:strings.LastIndexByte(stack[:i], '\n')]
	}
	return stack
}

// result is where a case reports to. A *testing.T is one.
type result interface {
	Helper()
	Errorf(format string, args ...any)
	Skip(args ...any)
}

// report tells t how a case ended. It returns whether the store panicked.
func report(t result, name, says string, err error) bool {
	t.Helper()
	var skip skipped
	switch {
	case err == nil:
	case errors.As(err, &skip):
		t.Skip(skip.Error())
	default:
		t.Errorf("%s: promise broken: %s\n%v", name, says, err)
	}
	return errors.As(err, new(panicked))
}

// describe describes a meter as it is at an instant.
func describe(m *store.Meter, at time.Time) string {
	most := fmt.Sprint("max ", m.Max)
	if m.Max == store.Unlimited {
		most = "unlimited"
	}
	if m.Soft {
		most = "soft, " + most
	}
	switch {
	case m.IsWindow() && at.IsZero():
		return fmt.Sprintf("window %.40q (%s, from %d to %d)", m.Name, most, m.Start, m.End)
	case m.IsWindow():
		from, to := time.Unix(m.Start, 0).Sub(at), time.Unix(m.End, 0).Sub(at)
		return fmt.Sprintf("window %.40q (%s, from %s to %s)", m.Name, most, relative(from), relative(to))
	case m.Rate.Per == 0:
		return fmt.Sprintf("bucket %.40q (%s, no refill)", m.Name, most)
	default:
		return fmt.Sprintf("bucket %.40q (%s, %d every %v)", m.Name, most, m.Rate.Tokens, time.Duration(m.Rate.Per)*us)
	}
}

// relative names an instant by its distance from the charge.
func relative(d time.Duration) string {
	switch {
	case d > 0:
		return "At+" + d.String()
	case d < 0:
		return "At" + d.String()
	default:
		return "At"
	}
}

// about describes a charge.
func about(c *store.Charge) string {
	if c.Op == store.Move && len(c.Parts) == 2 {
		return fmt.Sprintf("move subject %.40q to %.40q", c.Parts[0].Subject, c.Parts[1].Subject)
	}
	switch len(c.Parts) {
	case 0:
		return "charge no parts"
	case 1:
		return fmt.Sprintf("%s; subject %.40q", aboutPart(c, &c.Parts[0]), c.Parts[0].Subject)
	}
	var parts []string
	for i := range c.Parts {
		parts = append(parts, fmt.Sprintf("Parts[%d], subject %.40q: %s", i, c.Parts[i].Subject, aboutPart(c, &c.Parts[i])))
	}
	return strings.Join(parts, "; ")
}

// aboutPart describes what a part of a charge does with its meters.
func aboutPart(c *store.Charge, p *store.Part) string {
	var all []string
	for i := range min(len(p.Meters), len(p.N), store.MaxMeters) {
		m := describe(&p.Meters[i], c.At)
		switch n := p.N[i]; {
		case c.Op == store.SetRemaining:
			all = append(all, fmt.Sprintf("set %d remaining of %s", n, m))
		case n == 0:
			all = append(all, "read "+m)
		case n < 0:
			all = append(all, fmt.Sprintf("give back %d of %s", -n, m))
		default:
			all = append(all, fmt.Sprintf("take %d of %s", n, m))
		}
	}
	if len(all) == 0 {
		all = append(all, "charge no meters")
	}
	return strings.Join(all, ", ")
}

// differences returns the fields in which the answer of a charge differs from the
// expected one. want has the levels of all parts, one part after the other. The result
// has a hint if a bucket seems to refill by another clock than the case.
func (t *trial) differences(c *store.Charge, ok bool, want []store.Level) string {
	var wrong []string
	if c.OK != ok {
		wrong = append(wrong, fmt.Sprintf("OK is %t, want %t", c.OK, ok))
	}
	hint := ""
	for p := range c.Parts {
		for i := range c.Parts[p].Meters {
			m, got := &c.Parts[p].Meters[i], c.Parts[p].Levels[i]
			if same(m, got, want[0], t.Slack) {
				want = want[1:]
				continue
			}
			wrong = append(wrong, fmt.Sprintf("%s: %s", levelName(c, p, i), t.fields(m, got, want[0])))
			if hint == "" && c.OK == ok {
				hint = t.hint(m, got, want[0])
			}
			want = want[1:]
		}
	}
	if len(wrong) == 0 {
		return ""
	}
	return "\n\t" + strings.Join(wrong, "\n\t") + hint
}

// levelName returns where a level is in a charge, and of what it is.
func levelName(c *store.Charge, part, i int) string {
	p := &c.Parts[part]
	if len(c.Parts) == 1 {
		return fmt.Sprintf("Levels[%d], %s", i, nameOf(&p.Meters[i]))
	}
	return fmt.Sprintf("Parts[%d].Levels[%d], %s of %.40q", part, i, nameOf(&p.Meters[i]), p.Subject)
}

func nameOf(m *store.Meter) string {
	if m.IsWindow() {
		return fmt.Sprintf("window %.40q", m.Name)
	}
	return fmt.Sprintf("bucket %.40q", m.Name)
}

// fields returns the fields in which a level differs from the expected one.
func (t *trial) fields(m *store.Meter, got, want store.Level) string {
	var fields []string
	if got.Max != want.Max {
		fields = append(fields, fmt.Sprintf("Max is %d, want %d", got.Max, want.Max))
	}
	if got.Used != want.Used {
		fields = append(fields, fmt.Sprintf("Used is %d, want %d", got.Used, want.Used))
	}
	tolerance := ""
	if t.Slack > 0 && !m.IsWindow() {
		tolerance = fmt.Sprintf(" within %v", t.Slack)
	}
	if !near(m, got.Wait, want.Wait, t.Slack) {
		fields = append(fields, fmt.Sprintf("Wait is %s, want %s%s", span(got.Wait), span(want.Wait), tolerance))
	}
	if !near(m, got.Reset, want.Reset, t.Slack) {
		fields = append(fields, fmt.Sprintf("Reset is %s, want %s%s", span(got.Reset), span(want.Reset), tolerance))
	}
	return strings.Join(fields, "; ")
}

func span(d time.Duration) string {
	if d == store.Never {
		return "store.Never"
	}
	return d.String()
}

// ownClock is how far a clock of the store may run on between two steps.
const ownClock = time.Second

// hint returns advice if a duration of a bucket differs as it does with a clock that the
// harness does not know about: one that runs on between two steps, or one that stands
// still when the case lets time pass.
func (t *trial) hint(m *store.Meter, got, want store.Level) string {
	if m.IsWindow() || got.Max != want.Max || got.Used != want.Used {
		return ""
	}
	if !t.offClock(got.Wait, want.Wait) && !t.offClock(got.Reset, want.Reset) {
		return ""
	}
	switch {
	case t.Slack > 0:
		return fmt.Sprintf("\n\thint: more time passed between two steps than Harness.Slack, %v, allows for", t.Slack)
	case t.Advance != nil:
		return "\n\thint: the clock of the buckets differs from the time that was passed to Harness.Advance. " +
			"It must stand still between two calls"
	default:
		return "\n\thint: do the buckets refill by a clock of the store? If the test can move that clock, set " +
			"Harness.Advance, and otherwise set Harness.Slack"
	}
}

// offClock reports whether a duration is off as by a clock that ran on by itself, or that
// did not pass the time of the case.
func (t *trial) offClock(got, want time.Duration) bool {
	if got == want || got <= 0 || got == store.Never || want <= 0 || want == store.Never {
		return false
	}
	ahead := want - got
	return ahead > 0 && ahead < ownClock || t.now > 0 && (ahead+t.now).Abs() < min(ownClock, t.now/10)
}
