package gate_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// runnable is a store that tells of changes while its Run is running.
type runnable struct {
	*memory.Store
	apart
	running atomic.Bool
}

func (s *runnable) ListenerState() usageplan.ListenerState {
	return usageplan.ListenerState{Running: s.running.Load()}
}

// TestListenerIsNotRun checks the warning about a store whose Run is not running. It
// comes once, and not before MaxAge, which Run has to begin.
func TestListenerIsNotRun(t *testing.T) {
	for _, test := range []struct {
		what        string
		from, until time.Duration // when Run runs; zero from: never; zero until: no end
		plansApart  bool
		warned      time.Duration // when the warning comes; zero: never
	}{
		{what: "never", warned: 6 * time.Second},
		{what: "at once", from: 1},
		{what: "a bit late", from: 4 * time.Second},
		{what: "too late", from: 20 * time.Second, warned: 6 * time.Second},
		{what: "Run ends", from: 1, until: 10 * time.Second},
		{what: "never, and keys are in another store", plansApart: true, warned: 6 * time.Second},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				h := newFixture(t)
				st := &runnable{Store: h.st}
				cfg := parts{Keys: st, Plans: st, Counter: h.st, Config: gate.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}}
				if test.plansApart {
					cfg.Keys = h.st
				}
				g, err := cfg.gate()
				require.NoError(t, err)
				_, secret, _ := h.linked(usageplan.Plan{})
				for second := range 60 {
					now := time.Duration(second) * time.Second
					st.running.Store(test.from > 0 && now >= test.from && (test.until == 0 || now < test.until))
					d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
					require.NoError(t, err)
					require.True(t, d.Allowed)
					want := 0
					if test.warned > 0 && now >= 2*test.warned { // the key was read again by then
						want = 1
					}
					if want == 1 || test.warned == 0 || now < test.warned-time.Second {
						require.Equal(t, want, strings.Count(log.String(), "level=WARN"), "after %v: %s", now, log.String())
					}
					time.Sleep(time.Second)
				}
			})
		})
	}
}
