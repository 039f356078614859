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

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestStatsOfCache checks the counts of what a Gate has in memory.
func TestStatsOfCache(t *testing.T) {
	h := newFixture(t)
	count := func() [2]int {
		s := h.gate.Stats()
		require.Zero(t, s.Lookups)
		require.Zero(t, s.Waiting)
		return [2]int{s.CachedKeys, s.RefusedSecrets}
	}
	key, secret, _ := h.linked(usageplan.Plan{})
	_, unused := h.key("another")
	require.Equal(t, [2]int{0, 0}, count())
	h.reason(secret)
	h.reason(secret)
	require.Equal(t, [2]int{1, 0}, count())
	h.admit(gate.Request{KeyID: key.ID})
	require.Equal(t, [2]int{2, 0}, count(), "an entry for the secret and one for the ID")
	h.admit(gate.Request{KeyID: "nobody"})
	require.Equal(t, [2]int{2, 1}, count())
	_, err := h.keys.Update(t.Context(), key.ID, func(k *apikey.Key) error { k.Enabled = false; return nil })
	require.NoError(t, err)
	require.Equal(t, [2]int{0, 0}, count(), "a change forgets the key, and every refusal")
	h.reason(secret)
	h.reason(unused)
	require.Equal(t, [2]int{1, 1}, count())
}

// TestStatsOfLookups checks the counts of look-ups in flight, and of the keys that wait
// for one. A store that does not answer holds all of them.
func TestStatsOfLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		hole := blackHole{st, new(atomic.Bool), new(atomic.Int64), new(atomic.Int64)}
		h := newFixture(t, func(p *parts) {
			p.Keys, p.Plans, p.Counter = hole, hole, st
			p.MaxReads = 4
		})
		h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
		var secrets []apikey.Secret
		for range 6 {
			_, secret, _ := h.linked(usageplan.Plan{})
			secrets = append(secrets, secret)
		}
		hole.silent.Store(true)
		for _, secret := range secrets {
			go func() { _, _ = h.gate.Admit(t.Context(), gate.Request{Secret: secret}) }()
		}
		synctest.Wait()
		s := h.gate.Stats()
		require.Equal(t, 3, s.Lookups, "a quarter is reserved for keys that are cached")
		require.Zero(t, s.Waiting)
		time.Sleep(time.Minute)
		require.Zero(t, h.gate.Stats().Lookups)
	})
}

// TestStatsOfOutage is a timeline of a store of keys and of a Counter that fail.
func TestStatsOfOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		h, st := newOutage(t, false, func(p *parts) { p.MaxAge = 10 * time.Second })
		_, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(1e6, 1e6)})
		ask := func(times int) {
			for range times {
				_, _ = h.gate.Admit(t.Context(), gate.Request{Secret: secret})
			}
		}
		for _, step := range []struct {
			at            time.Duration
			what          string
			do            func()
			keys, counter gate.Outage // Since is the time since the start
			oldest        time.Duration
		}{
			{at: 0, what: "all is well", do: func() { ask(10) }},
			{at: time.Minute, what: "the store fails", do: func() { st.reads.Store(true); st.takes.Store(true) }},
			{at: time.Minute, what: "a first request", do: func() { ask(1) },
				keys:    gate.Outage{Failing: true, Since: start.Add(time.Minute), Decisions: 1, Outages: 1, AllDecisions: 1},
				counter: gate.Outage{Failing: true, Since: start.Add(time.Minute), Decisions: 1, Outages: 1, AllDecisions: 1},
				oldest:  time.Minute},
			{at: 2 * time.Minute, what: "more of them", do: func() { ask(9) },
				keys:    gate.Outage{Failing: true, Since: start.Add(time.Minute), Decisions: 10, Outages: 1, AllDecisions: 10},
				counter: gate.Outage{Failing: true, Since: start.Add(time.Minute), Decisions: 10, Outages: 1, AllDecisions: 10},
				oldest:  2 * time.Minute},
			{at: 3 * time.Minute, what: "the Counter is back", do: func() { st.takes.Store(false); ask(5) },
				keys:    gate.Outage{Failing: true, Since: start.Add(time.Minute), Decisions: 15, Outages: 1, AllDecisions: 15},
				counter: gate.Outage{Outages: 1, AllDecisions: 10},
				oldest:  3 * time.Minute},
			{at: 4 * time.Minute, what: "keys are back, and the next attempt finds that", do: func() {
				st.reads.Store(false)
				ask(1)
				synctest.Wait()
				ask(1)
			},
				keys:    gate.Outage{Outages: 1, AllDecisions: 16},
				counter: gate.Outage{Outages: 1, AllDecisions: 10}},
			{at: 5 * time.Minute, what: "the next outage of the Counter", do: func() { st.takes.Store(true); ask(1) },
				keys:    gate.Outage{Outages: 1, AllDecisions: 16},
				counter: gate.Outage{Failing: true, Since: start.Add(5 * time.Minute), Decisions: 1, Outages: 2, AllDecisions: 11}},
		} {
			time.Sleep(time.Until(start.Add(step.at)))
			step.do()
			synctest.Wait()
			s := h.gate.Stats()
			require.Equal(t, step.keys, s.KeyOutage, "keys: "+step.what)
			require.Equal(t, step.oldest, s.OldestKey, step.what)
			require.Equal(t, step.counter, s.CounterOutage, "counter: "+step.what)
		}
	})
}

// TestOutageHasTwoLines sends 1,000 requests in an outage of 100s. The log has its
// beginning, and its end with a count, and no line for each request.
func TestOutageHasTwoLines(t *testing.T) {
	const requests = 1000
	for _, test := range []struct {
		what    string
		reads   bool
		settles bool
		want    []string // regular expressions
	}{
		{what: "the Counter", want: []string{
			`WARN msg="ration: charges fail: Config.OnFailure decides" error="gate: charge: broken"`,
			`INFO msg="ration: charges succeed again" after=1m40s degradedDecisions=1000`,
		}},
		{what: "the Counter, and requests are settled", settles: true, want: []string{
			`WARN msg="ration: charges fail: Config.OnFailure decides" error=broken`,
			`INFO msg="ration: charges succeed again" after=1m40s degradedDecisions=999`,
		}},
		{what: "the store of keys", reads: true, want: []string{
			`WARN msg="ration: keys cannot be read: cached keys stay in use" error="gate: key: broken"`,
			`INFO msg="ration: keys can be read again" after=1m[345].*s staleDecisions=95\d`,
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				h, st := newOutage(t, false, inTokens, func(p *parts) {
					p.Logger = slog.New(slog.NewTextHandler(&log, nil))
				})
				_, secret, _ := h.linked(usageplan.Plan{Throttle: throttle(1e6, 1e6)})
				req := gate.Request{Secret: secret, Costs: costs(1)}
				d := h.admit(req)
				fail := &st.takes
				if test.reads {
					fail = &st.reads
				}
				fail.Store(true)
				for i := range requests {
					if test.settles && i == 0 {
						require.Error(t, h.gate.Settle(t.Context(), &d, costs(2)))
					} else {
						_, _ = h.gate.Admit(t.Context(), req)
					}
					time.Sleep(100 * time.Millisecond)
				}
				fail.Store(false)
				for range 60 {
					h.admit(req)
					time.Sleep(time.Second)
				}
				synctest.Wait()
				lines := strings.Split(strings.TrimSpace(log.String()), "\n")
				require.Len(t, lines, len(test.want), log.String())
				for i := range lines {
					require.Regexp(t, test.want[i]+"$", lines[i])
				}
			})
		})
	}
}

func inTokens(p *parts) { p.Units = tokens }

// TestStatsOfListeners checks which stores are listed, with what they say of themselves.
func TestStatsOfListeners(t *testing.T) {
	h := newFixture(t)
	require.Empty(t, h.gate.Stats().Listeners, "a store in memory hears of all changes")
	keys, plans := &runnable{Store: h.st}, &runnable{Store: h.st}
	keys.running.Store(true)
	running := usageplan.ListenerState{Running: true}
	for _, test := range []struct {
		what string
		parts
		want []gate.ListenerStats
	}{
		{"one store", parts{Keys: keys, Plans: keys}, []gate.ListenerStats{{Store: "keys and plans", ListenerState: running}}},
		{"two", parts{Keys: keys, Plans: plans}, []gate.ListenerStats{{Store: "keys", ListenerState: running}, {Store: "plans"}}},
		{"keys only", parts{Keys: keys, Plans: h.st}, []gate.ListenerStats{{Store: "keys", ListenerState: running}}},
		{"plans only", parts{Keys: h.st, Plans: keys}, []gate.ListenerStats{{Store: "plans", ListenerState: running}}},
	} {
		test.parts.Counter = h.st
		g := must(test.parts.gate())
		require.Equal(t, test.want, g.Stats().Listeners, test.what)
		require.NoError(t, g.Close())
	}
}
