package outage_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/outage"
)

var errBroken = errors.New("broken")

// TestLog plays timelines of attempts that fail or succeed, one each 100ms.
func TestLog(t *testing.T) {
	const second = 10 // attempts
	for _, test := range []struct {
		what     string
		attempts string // f: it fails, s: it succeeds
		want     []string
	}{
		{"all is well", strings.Repeat("s", 100*second), nil},
		{"one failure", "sf" + strings.Repeat("s", 10*second), []string{"begins error=broken", "ends after=100ms requests=1"}},
		{"one long outage", strings.Repeat("f", 100*second) + strings.Repeat("s", 10*second), []string{"begins error=broken", "ends after=1m40s requests=1000"}},
		{"it never ends", strings.Repeat("f", 100*second), []string{"begins error=broken"}},
		{"too few successes", "f" + strings.Repeat("s", 4*second), []string{"begins error=broken"}},
		{"every other attempt fails", strings.Repeat("fs", 50*second) + strings.Repeat("s", 10*second), []string{"begins error=broken", "ends after=1m39.9s requests=500"}},
		{"two outages", strings.Repeat("f"+strings.Repeat("s", 6*second), 2), []string{"begins error=broken", "ends after=100ms requests=1", "begins error=broken", "ends after=100ms requests=1"}},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var text bytes.Buffer
				l := newLog(&text)
				for _, attempt := range test.attempts {
					if attempt == 'f' {
						l.Fail(t.Context(), errBroken)
						l.Affect()
					} else {
						l.Succeed(t.Context())
					}
					time.Sleep(100 * time.Millisecond)
				}
				require.Equal(t, test.want, lines(text.String()))
			})
		})
	}
}

func newLog(text *bytes.Buffer) *outage.Log {
	untimed := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(text, &slog.HandlerOptions{ReplaceAttr: untimed}))
	return &outage.Log{Logger: logger, Begins: "begins", Ends: "ends", Affected: "requests"}
}

// lines returns the lines of a log without "msg=".
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		all = append(all, strings.TrimPrefix(strings.TrimSpace(line), "msg="))
	}
	return all
}

// TestState plays an outage, and checks the State at each step.
func TestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l outage.Log // without a Logger
		began := time.Now()
		for _, step := range []struct {
			what string
			do   func()
			want outage.State
		}{
			{"nothing has failed", func() { l.Succeed(t.Context()) }, outage.State{}},
			{"the first failure", func() { l.Fail(t.Context(), errBroken); l.Affect(); l.Raise(2) }, outage.State{Failing: true, Since: began, Affected: 1, Longest: 2, Outages: 1, AllAffected: 1}},
			{"another one", func() { l.Fail(t.Context(), errBroken); l.Affect(); l.Raise(1) }, outage.State{Failing: true, Since: began, Affected: 2, Longest: 2, Outages: 1, AllAffected: 2}},
			{"a success", func() { l.Succeed(t.Context()) }, outage.State{Since: began, Affected: 2, Longest: 2, Outages: 1, AllAffected: 2}},
			{"it is over", func() { time.Sleep(outage.Quiet); l.Succeed(t.Context()) }, outage.State{Outages: 1, AllAffected: 2}},
			{"the next one", func() { l.Fail(t.Context(), errBroken); l.Affect() }, outage.State{Failing: true, Since: began.Add(outage.Quiet), Affected: 1, Outages: 2, AllAffected: 3}},
		} {
			step.do()
			require.Equal(t, step.want, l.State(), step.what)
			require.Equal(t, !step.want.Since.IsZero(), l.Active(), step.what)
		}
	})
}

// TestAtOnce fails and succeeds in many goroutines at once. Each outage has its two
// lines.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := newLog(&text)
		for range 3 {
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 100 {
						l.Fail(context.Background(), errBroken)
						l.Affect()
						l.Raise(1)
						l.Succeed(context.Background())
						_ = l.State()
					}
				})
			}
			all.Wait()
			time.Sleep(outage.Quiet)
			for range 8 {
				all.Go(func() { l.Succeed(context.Background()) })
			}
			all.Wait()
		}
		require.Len(t, lines(text.String()), 6)
		require.Equal(t, outage.State{Outages: 3, AllAffected: 2400}, l.State())
	})
}
