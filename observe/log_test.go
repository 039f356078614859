package observe_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

var errBroken = errors.New("broken")

// textOf returns a logger without times, and its text.
func textOf() (*slog.Logger, *bytes.Buffer) {
	text := new(bytes.Buffer)
	untimed := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "took" {
			return slog.Attr{}
		}
		return a
	}
	return slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{ReplaceAttr: untimed})), text
}

// TestLogLines checks the line of each kind of decision. None shows a secret.
func TestLogLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, text := textOf()
		f := newBreakable(t, observe.NewLog(logger, observe.LogConfig{Admitted: 1}), gate.Config{
			Units:     usageplan.Units{{Name: "tokens"}},
			OnFailure: gate.FailurePolicy{Quota: gate.FailOpen},
		})
		quotas := []quota.Quota{{Name: "day", Limit: 2, Period: quota.Day}, {Name: "hour", Limit: 1, Period: quota.Hour, Soft: true}}
		key, secret := f.key(usageplan.Plan{Quotas: quotas})
		req := gate.Request{Secret: secret, API: "api", Stage: "prod", Route: "GET /pets", Class: "opus"}
		admit := func(req gate.Request) *gate.Decision {
			d, _ := f.gate.Admit(t.Context(), req)
			return &d
		}
		where := " api=api stage=prod route=\"GET /pets\" class=opus"
		var first *gate.Decision
		for _, step := range []struct {
			what string
			do   func()
			want string
		}{
			{"admitted", func() { first = admit(req) }, `level=INFO msg="ration: admitted" reason=admitted allowed=true key=KEY plan=PLAN` + where},
			{"the soft limit is reached", func() { admit(req) },
				`level=INFO msg="ration: admitted, and a limit that does not refuse has no room" reason=admitted allowed=true key=KEY plan=PLAN` + where + ` limit=hour payer="key KEY"`},
			{"the quota is used up", func() { admit(req) },
				`level=INFO msg="ration: refused" reason=quota_exceeded allowed=false key=KEY plan=PLAN` + where + ` limit=day payer="key KEY" retryAfter=23h59m58s`},
			{"an unknown key", func() { admit(gate.Request{KeyID: "nobody"}) }, `level=INFO msg="ration: refused" reason=unknown allowed=false`},
			{"a request that breaks a rule", func() { admit(gate.Request{KeyID: key.ID, Costs: usageplan.Costs{-1}}) },
				`level=WARN msg="ration: decision failed" reason=invalid allowed=false error="gate: invalid request: costs[0] (tokens): -1: want 0 to 2^53-1"`},
			{"further costs", func() { admit(gate.Request{KeyID: key.ID, Costs: usageplan.Costs{7}, More: true}) }, ""},
			{"further costs of a key that is unknown", func() { admit(gate.Request{KeyID: "nobody", More: true}) },
				`level=INFO msg="ration: refused" reason=unknown allowed=false more=true`},
			{"a Peek", func() { _, _ = f.gate.Peek(t.Context(), req) }, ""},
			{"the Counter fails", func() { f.fails = true; admit(req) },
				`level=WARN msg="ration: decided without the Counter" reason=store_failed allowed=true key=KEY plan=PLAN` + where + ` error="gate: charge: broken"`},
			{"a correction fails", func() { _ = f.gate.Settle(t.Context(), first, usageplan.Costs{5}) },
				`level=WARN msg="ration: correction failed" reason=admitted allowed=true key=KEY plan=PLAN refund=false error="gate: settle: broken"`},
			{"a correction", func() { f.fails = false; _ = f.gate.Refund(t.Context(), first) }, ""},
		} {
			text.Reset()
			step.do()
			got := strings.TrimSpace(strings.ReplaceAll(text.String(), key.ID, "KEY"))
			got = regexp.MustCompile(`plan=\S+`).ReplaceAllString(got, "plan=PLAN")
			require.Equal(t, step.want, got, step.what)
			require.NotContains(t, text.String(), string(secret)[:20], step.what)
			time.Sleep(time.Second)
		}
	})
}

// TestLogSamples sends 100 requests a second for 10s. Each Reason has five lines a
// second, and no request is lost: it has a line, or counts as suppressed.
func TestLogSamples(t *testing.T) {
	for _, test := range []struct {
		cfg   observe.LogConfig
		lines int
	}{
		{observe.LogConfig{}, 50},
		{observe.LogConfig{PerSecond: 1}, 10},
		{observe.LogConfig{PerSecond: -1}, 0},
	} {
		t.Run(fmt.Sprintf("%+v", test.cfg), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, text := textOf()
				f := newFixture(t, observe.NewLog(logger, test.cfg), gate.Config{})
				_, throttled := f.key(usageplan.Plan{Throttle: &limiter.Limit{Rate: 1e-6, Burst: 1}})
				_, fine := f.key(usageplan.Plan{})
				for i := range 1000 {
					for _, req := range []gate.Request{{Secret: throttled}, {Secret: fine}, {KeyID: "nobody"}} {
						_, err := f.gate.Admit(t.Context(), req)
						require.NoError(t, err, i)
					}
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Second)
				for _, req := range []gate.Request{{Secret: throttled}, {KeyID: "nobody"}} { // they tell what was suppressed
					_, _ = f.gate.Admit(t.Context(), req)
				}
				for reason, all := range map[string]int{"throttled": 1000, "unknown": 1001} {
					lines, suppressed := sum(text.String(), "reason="+reason)
					if test.lines == 0 {
						require.Zero(t, lines)
						continue
					}
					require.Equal(t, test.lines+1, lines, reason)
					require.Equal(t, all, lines+suppressed, reason)
				}
				require.NotContains(t, text.String(), "reason=admitted")
			})
		})
	}
}

// sum counts the lines with a text, and adds up what they say was suppressed.
func sum(text, with string) (lines, suppressed int) {
	for line := range strings.Lines(text) {
		if !strings.Contains(line, with) {
			continue
		}
		lines++
		if _, n, ok := strings.Cut(strings.TrimSpace(line), "suppressed="); ok {
			suppressed += must(strconv.Atoi(n))
		}
	}
	return lines, suppressed
}

// TestLogAdmitted checks that one of ten admitted requests is logged.
func TestLogAdmitted(t *testing.T) {
	logger, text := textOf()
	f := newFixture(t, observe.NewLog(logger, observe.LogConfig{Admitted: 10}), gate.Config{})
	_, secret := f.key(usageplan.Plan{})
	for range 10_000 {
		_, err := f.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.NoError(t, err)
	}
	require.InDelta(t, 1000, strings.Count(text.String(), "msg=\"ration: admitted\""), 300)
}

// TestLogOfNothing checks that a Log without a logger, and one whose logger is off, do
// nothing.
func TestLogOfNothing(t *testing.T) {
	for _, l := range []*observe.Log{observe.NewLog(nil, observe.LogConfig{Admitted: 1}), observe.NewLog(slog.New(slog.DiscardHandler), observe.LogConfig{Admitted: 1})} {
		for _, d := range decisions(t) {
			l.Decided(t.Context(), d)
		}
		l.Corrected(t.Context(), gate.Corrected{Err: errBroken})
	}
}
