package series_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe/internal/series"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// captured is an Observer that keeps the last of what it is told.
type captured struct{ decided gate.Decided }

func (c *captured) Decided(_ context.Context, d gate.Decided) { c.decided = d }
func (c *captured) Corrected(context.Context, gate.Corrected) {}

// counts returns the values of a metric by the values of its labels, between blanks.
func counts(r *series.Recorder, of *series.Metric) map[string]int {
	all := map[string]int{}
	r.Read(func(m *series.Metric, value float64, labels ...string) {
		if m == of {
			all[strings.Join(labels, " ")] += int(value)
		}
	})
	return all
}

// service returns a service that tells o, and the secret of a key under a plan of quotas.
func service(t testing.TB, o gate.Observer, quotas ...string) (*ration.Ration, gate.Request) {
	cfg := ration.Config{Units: usageplan.Units{{Name: "tokens"}}, Gate: gate.Config{Observer: o}}
	r, err := ration.New(memory.New(memory.Config{}), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	_, err = r.Plan(t.Context(), "pro", "unlimited", quotas...)
	require.NoError(t, err)
	_, secret, err := r.Issue(t.Context(), "pro", "worker")
	require.NoError(t, err)
	return r, gate.Request{Secret: secret}
}

// TestAllocs checks that no decision allocates once its label set is known.
func TestAllocs(t *testing.T) {
	for name, test := range map[string]struct {
		quotas []string
		before int
		peek   bool
	}{
		"admitted":       {quotas: []string{"1000/year"}},
		"refused":        {quotas: []string{"3/year", "3 tokens/year"}, before: 3},
		"would refuse":   {quotas: []string{"3/year soft"}, before: 4},
		"peeked":         {quotas: []string{"1000/year"}, peek: true},
		"without limits": {},
	} {
		t.Run(name, func(t *testing.T) {
			told := new(captured)
			s, req := service(t, told, test.quotas...)
			for range test.before + 1 {
				_, err := s.Gate.Admit(t.Context(), req)
				require.NoError(t, err)
			}
			if test.peek {
				_, err := s.Gate.Peek(t.Context(), req)
				require.NoError(t, err)
			}
			r := series.New(series.Config{Units: s.Gate.Units()})
			require.Zero(t, testing.AllocsPerRun(100, func() { r.Decided(t.Context(), told.decided) }))
			c := gate.Corrected{Outcome: told.decided.Outcome, Refund: true}
			require.Zero(t, testing.AllocsPerRun(100, func() { r.Corrected(t.Context(), c) }))
		})
	}
}

// TestBounded checks that plans and limits beyond MaxSeries count as "other", and that no
// count is lost.
func TestBounded(t *testing.T) {
	const most, plans = 5, 40
	r := series.New(series.Config{MaxSeries: most})
	s, err := ration.New(memory.New(memory.Config{}), ration.Config{Gate: gate.Config{Observer: r}})
	require.NoError(t, err)
	defer s.Close()
	for _, id := range append([]string{series.Other, series.None}, ids(plans)...) {
		_, err = s.Plans.Put(t.Context(), usageplan.Plan{ID: id, Quotas: []quota.Quota{{Name: "of " + id, Limit: 1, Period: quota.Year}}})
		require.NoError(t, err)
		_, secret, err := s.Issue(t.Context(), id, "worker")
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { _, _ = s.Gate.Admit(t.Context(), gate.Request{Secret: secret}) })
		}
		wg.Wait()
	}
	_, err = s.Gate.Admit(t.Context(), gate.Request{Secret: "unknown"})
	require.NoError(t, err)

	for m, want := range map[*series.Metric]int{series.Decisions: 4*(plans+2) + 1, series.Refusals: 3 * (plans + 2), series.Charged: plans + 2} {
		all, sum := counts(r, m), 0
		for _, n := range all {
			sum += n
		}
		require.Equal(t, want, sum, m.Name)
		require.LessOrEqual(t, len(all), 2*(most+2), m.Name)
	}
	require.Equal(t, 1, counts(r, series.Decisions)["none unknown false false"])
	require.Equal(t, 3, counts(r, series.Refusals)["p0 of p0 requests key quota_exceeded"])
	require.Positive(t, counts(r, series.Refusals)["other other requests key quota_exceeded"])
}

func ids(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint("p", i))
	}
	return all
}

// TestReasons checks that each Reason has a count of its own.
func TestReasons(t *testing.T) {
	r := series.New(series.Config{})
	var want []string
	for reason := gate.Admitted; !strings.HasPrefix(reason.String(), "reason("); reason++ {
		r.Decided(t.Context(), gate.Decided{Outcome: gate.Outcome{Reason: reason}})
		want = append(want, reason.String())
	}
	r.Decided(t.Context(), gate.Decided{Outcome: gate.Outcome{Reason: 200}})
	require.Len(t, counts(r, series.Decisions), len(want)+1)
	for _, reason := range append(want, "none") {
		require.Equal(t, 1, counts(r, series.Decisions)["none "+reason+" false false"], reason)
	}
}

// TestCorrections is a timeline of what a request of 10 tokens is charged and given back.
func TestCorrections(t *testing.T) {
	r := series.New(series.Config{Units: usageplan.Units{{Name: "tokens"}}})
	s, req := service(t, r, "100 tokens/year")
	for _, step := range []struct {
		tokens            int64
		settle            int64 // -1: refund; 0: nothing
		more              bool
		charged, returned string
	}{
		{10, 0, false, "map[pro requests:1 pro tokens:10]", "map[]"},
		{10, 4, false, "map[pro requests:2 pro tokens:20]", "map[pro tokens:6]"},
		{10, 13, false, "map[pro requests:3 pro tokens:33]", "map[pro tokens:6]"},
		{10, -1, false, "map[pro requests:4 pro tokens:43]", "map[pro requests:1 pro tokens:16]"},
		{1000, 0, false, "map[pro requests:4 pro tokens:43]", "map[pro requests:1 pro tokens:16]"}, // refused
		{20, 0, true, "map[pro requests:4 pro tokens:63]", "map[pro requests:1 pro tokens:16]"},
		{5, -1, true, "map[pro requests:4 pro tokens:68]", "map[pro requests:1 pro tokens:21]"},
		{1000, 0, true, "map[pro requests:4 pro tokens:68]", "map[pro requests:1 pro tokens:21]"}, // refused
	} {
		req.Costs, req.More = usageplan.Costs{step.tokens}, step.more
		d, err := s.Gate.Admit(t.Context(), req)
		require.NoError(t, err)
		switch {
		case step.settle > 0:
			require.NoError(t, s.Gate.Settle(t.Context(), &d, usageplan.Costs{step.settle}))
		case step.settle < 0:
			require.NoError(t, s.Gate.Refund(t.Context(), &d))
		}
		require.Equal(t, step.charged, fmt.Sprint(counts(r, series.Charged)))
		require.Equal(t, step.returned, fmt.Sprint(counts(r, series.Returned)))
	}
	require.Equal(t, map[string]int{"pro settle ok": 2, "pro refund ok": 2}, counts(r, series.Corrections))
	require.Equal(t, map[string]int{"pro": 2}, counts(r, series.Further))
	require.Equal(t, map[string]int{"pro admitted true false": 4, "pro never_fits false false": 2}, counts(r, series.Decisions))
	used, err := s.Gate.UsageByWindow(t.Context(), "pro", keyOf(t, s), "tokens/year", 1)
	require.NoError(t, err)
	require.Equal(t, int64(68-21), used[0].Used, "what was charged and not returned")
}

func keyOf(t *testing.T, s *ration.Ration) string {
	links, _, err := s.Plans.Links(t.Context(), "pro", "", 1)
	require.NoError(t, err)
	return links[0].KeyID
}

// TestWatch checks the gauges of a Gate in an outage of its keys' store, and that a Gate
// of other units is refused.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &broken{Store: memory.New(memory.Config{})}
		r := series.New(series.Config{})
		s, err := ration.New(st, ration.Config{Gate: gate.Config{Observer: r}})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, r.Watch(s.Gate))
		require.ErrorContains(t, r.Watch(s.Gate), "watch: a Gate is watched already")
		_, err = s.Plan(t.Context(), "pro", "unlimited")
		require.NoError(t, err)
		_, secret, err := s.Issue(t.Context(), "pro", "worker")
		require.NoError(t, err)

		ask := func() {
			d, err := s.Gate.Admit(t.Context(), gate.Request{Secret: secret})
			require.NoError(t, err)
			require.True(t, d.Allowed)
		}
		ask()
		st.broken = true
		for range 10 {
			time.Sleep(2 * time.Second)
			ask()
		}
		value := func(m *series.Metric, labels string) int { return counts(r, m)[labels] }
		require.Equal(t, 1, value(series.CachedKeys, ""))
		require.Equal(t, 1, value(series.Outage, "keys"))
		require.Equal(t, 0, value(series.Outage, "counter"))
		require.GreaterOrEqual(t, value(series.OldestKey, ""), 18)
		require.GreaterOrEqual(t, value(series.OutageTime, "keys"), 14)
		require.Positive(t, value(series.StaleKeys, ""))
		require.Positive(t, value(series.KeyReads, ""))

		require.Positive(t, value(series.Denied, "keys"))
		require.Equal(t, 0, value(series.Denied, "counter"))
		require.Equal(t, 0, value(series.Mistakes, "unknown_route"))
		s.Gate.NoteMistake(gate.UnknownRoute)
		require.Equal(t, 1, value(series.Mistakes, "unknown_route"))
		require.Len(t, counts(r, series.Mistakes), len(s.Gate.Stats().Mistakes), "all kinds are there")
	})

	s, _ := service(t, nil)
	require.ErrorContains(t, series.New(series.Config{}).Watch(s.Gate), `units: "": want those of the Gate: "tokens"`)
}
