package prometheus_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe"
	rationprom "github.com/ration-go/ration/observe/prometheus"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// traffic has every kind of metric count something. It returns the secrets.
func (s *service) traffic() []apikey.Secret {
	pro, trial := s.plan("pro", "3/year", "100 tokens/year"), s.plan("trial", "1/year soft as trial")
	for range 4 {
		s.admit(pro, 10)
	}
	for range 3 {
		s.admit(trial, 0)
	}
	d := s.admit(trial, 5)
	require.NoError(s.t, s.Gate.Settle(s.t.Context(), d, usageplan.Costs{7}))
	d = s.admit(trial, 5)
	require.NoError(s.t, s.Gate.Refund(s.t.Context(), d))
	_, err := s.Gate.Peek(s.t.Context(), gate.Request{Secret: pro})
	require.NoError(s.t, err)
	for range 2 {
		_, err = s.Gate.Admit(s.t.Context(), gate.Request{Secret: trial, ID: "once"})
		require.NoError(s.t, err)
	}
	_, err = s.Gate.Admit(s.t.Context(), gate.Request{Secret: "unknown"})
	require.NoError(s.t, err)
	s.observer.WatchMemory(func() int { return 2 })
	s.observer.WatchStore(func() observe.Busy { return observe.Busy{Charges: 3, ReadsWaiting: 4} })
	return []apikey.Secret{pro, trial}
}

// TestMetrics compares what a registry gathers with what clients have done.
func TestMetrics(t *testing.T) {
	s := newService(t, rationprom.Config{})
	s.traffic()
	require.NoError(t, testutil.GatherAndCompare(s.reg, strings.NewReader(`
# HELP ration_decisions_total Requests that were decided, by the plan of the key and the reason. Degraded decisions were made by a failure policy.
# TYPE ration_decisions_total counter
ration_decisions_total{allowed="false",degraded="false",plan="none",reason="unknown"} 1
ration_decisions_total{allowed="false",degraded="false",plan="pro",reason="quota_exceeded"} 1
ration_decisions_total{allowed="true",degraded="false",plan="pro",reason="admitted"} 3
ration_decisions_total{allowed="true",degraded="false",plan="trial",reason="admitted"} 7
# HELP ration_repeated_decisions_total Requests that were admitted and not charged, since one of the same ID was charged before. They are among the decisions.
# TYPE ration_repeated_decisions_total counter
ration_repeated_decisions_total{plan="trial"} 1
# HELP ration_peeks_total Decisions that were only asked for. They are not among the decisions.
# TYPE ration_peeks_total counter
ration_peeks_total{plan="pro",reason="quota_exceeded"} 1
# HELP ration_refusals_total Limits that refused a request, by the plan that has the limit, and the kind of its payer. A request counts once for each limit that refused it.
# TYPE ration_refusals_total counter
ration_refusals_total{limit="year",payer="key",plan="pro",reason="quota_exceeded",unit="requests"} 1
# HELP ration_would_refuse_total Limits that had no room for an admitted request, because they are soft or all limits are turned off.
# TYPE ration_would_refuse_total counter
ration_would_refuse_total{limit="trial",payer="key",plan="trial",unit="requests"} 5
# HELP ration_units_charged_total Units that were charged, by a request or by a later correction.
# TYPE ration_units_charged_total counter
ration_units_charged_total{plan="pro",unit="requests"} 3
ration_units_charged_total{plan="pro",unit="tokens"} 30
ration_units_charged_total{plan="trial",unit="requests"} 6
ration_units_charged_total{plan="trial",unit="tokens"} 12
# HELP ration_units_returned_total Units that a later correction gave back.
# TYPE ration_units_returned_total counter
ration_units_returned_total{plan="trial",unit="requests"} 1
ration_units_returned_total{plan="trial",unit="tokens"} 5
# HELP ration_corrections_total Corrections of charges: kind settle or refund, result ok or failed.
# TYPE ration_corrections_total counter
ration_corrections_total{kind="refund",plan="trial",result="ok"} 1
ration_corrections_total{kind="settle",plan="trial",result="ok"} 1
# HELP ration_cached_keys Entries in the cache of usable keys.
# TYPE ration_cached_keys gauge
ration_cached_keys 2
# HELP ration_memory_subjects Subjects that have a state in a store in memory.
# TYPE ration_memory_subjects gauge
ration_memory_subjects 2
`), "ration_decisions_total", "ration_repeated_decisions_total", "ration_peeks_total", "ration_refusals_total", "ration_would_refuse_total",
		"ration_units_charged_total", "ration_units_returned_total", "ration_corrections_total", "ration_cached_keys", "ration_memory_subjects"))
}

// TestLint checks all names and help texts by the rules of Prometheus.
func TestLint(t *testing.T) {
	for _, native := range []bool{false, true} {
		s := newService(t, rationprom.Config{Native: native, Labels: prometheus.Labels{"gate": "public"}})
		s.traffic()
		problems, err := testutil.GatherAndLint(s.reg)
		require.NoError(t, err)
		require.Empty(t, problems)
	}
}

// TestTimes checks that the durations are in the histograms: those of decisions for which
// something was read always, and one in 64 of the others.
func TestTimes(t *testing.T) {
	s := newService(t, rationprom.Config{Buckets: []float64{1e-6, 1}})
	secret := s.plan("pro", "1000000/year")
	const n = 20_000
	for range n {
		s.admit(secret, 0)
	}
	families, err := s.reg.Gather()
	require.NoError(t, err)
	seen := map[string]uint64{}
	for _, f := range families {
		for _, m := range f.Metric {
			if h := m.Histogram; h != nil {
				require.Len(t, h.Bucket, 2)
				require.Positive(t, h.GetSampleSum())
				name := f.GetName()
				for _, l := range m.Label {
					name += " " + l.GetValue()
				}
				seen[name] = h.GetSampleCount()
			}
		}
	}
	require.Len(t, seen, 3, seen)
	require.Equal(t, uint64(1), seen["ration_decision_duration_seconds false"])
	for _, name := range []string{"ration_decision_duration_seconds true", "ration_store_duration_seconds"} {
		require.InDelta(t, n/64, seen[name], n/64/2, name)
	}
}

// TestNothingSecret checks that no key, group or secret is in the metrics.
func TestNothingSecret(t *testing.T) {
	s := newService(t, rationprom.Config{})
	_, err := s.Plans.Put(t.Context(), usageplan.Plan{ID: "team", Quotas: []quota.Quota{quota.MustParse("1/year")}})
	require.NoError(t, err)
	_, err = s.Groups.Create(t.Context(), usageplan.Group{ID: "acme-corporation", PlanID: "team"})
	require.NoError(t, err)
	secrets := s.traffic()
	key, secret, err := s.Keys.Create(t.Context(), apikey.Key{Name: "worker-of-acme", Enabled: true, GroupID: "acme-corporation"})
	require.NoError(t, err)
	for range 3 {
		s.admit(secret, 0)
	}
	text := gathered(t, s.reg)
	require.Contains(t, text, `payer="group"`)
	for _, secret := range append(secrets, secret) {
		require.NotContains(t, text, string(secret)[5:12])
	}
	for _, name := range []string{"worker-of", "acme", key.ID} {
		require.NotContains(t, text, name)
	}
}

// gathered returns the text that a server is sent.
func gathered(t testing.TB, reg prometheus.Gatherer) string {
	families, err := reg.Gather()
	require.NoError(t, err)
	var text strings.Builder
	for _, f := range families {
		_, err := expfmt.MetricFamilyToText(&text, f)
		require.NoError(t, err)
	}
	return text.String()
}

// TestOddNames checks that plans of odd names cannot break the gathering.
func TestOddNames(t *testing.T) {
	s := newService(t, rationprom.Config{})
	for _, id := range []string{"none", "other", "a\xffb", "a\xfeb", `a"b\`, "a\nb"} {
		s.observer.Decided(t.Context(), gate.Decided{Outcome: gate.Outcome{Plan: &usageplan.Plan{ID: id}, Reason: gate.Admitted}})
	}
	s.observer.Decided(t.Context(), gate.Decided{})
	require.Equal(t, 7, strings.Count(gathered(t, s.reg), "ration_decisions_total{"), "none is there by two reasons")
}

// TestGatheredUnderLoad gathers while decisions are made. No count is lost, and none
// shrinks.
func TestGatheredUnderLoad(t *testing.T) {
	s := newService(t, rationprom.Config{Native: true})
	secret := s.plan("pro", "500/year")
	const workers, each = 4, 500
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				d := s.admit(secret, 1)
				assert.NoError(t, s.Gate.Settle(t.Context(), d, usageplan.Costs{2}))
			}
		})
	}
	last := 0.0
	for range 50 {
		now := total(t, s.reg, "ration_decisions_total")
		require.GreaterOrEqual(t, now, last)
		last = now
	}
	wg.Wait()
	require.Equal(t, float64(workers*each), total(t, s.reg, "ration_decisions_total"))
	require.Equal(t, float64(500*3), total(t, s.reg, "ration_units_charged_total"))
}

// total returns the sum of all series of a metric.
func total(t testing.TB, reg prometheus.Gatherer, name string) (sum float64) {
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.Metric {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
