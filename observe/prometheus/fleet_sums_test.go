package prometheus_test

import (
	"maps"

	"github.com/stretchr/testify/require"
)

// counted returns what clients have counted. Whether a refund succeeded is not seen by
// clients: in the outage some do not. What it gives back follows from that.
func (f *fleet) counted() map[string]int {
	all := maps.Clone(f.counts)
	for plan := range f.secrets {
		ok := int(f.sum("ration_corrections_total", map[string]string{"plan": plan, "kind": "refund", "result": "ok"}))
		if ok > 0 {
			all[plan+" returned requests"], all[plan+" returned tokens"] = ok, ok*cost
		}
	}
	return all
}

// gathered returns the sums of the metrics of all gateways, by the names of counted.
func (f *fleet) gathered() map[string]int {
	all := map[string]int{}
	for plan := range f.secrets {
		for name, of := range map[string]struct {
			metric string
			labels map[string]string
		}{
			"allowed":           {"ration_decisions_total", map[string]string{"allowed": "true", "degraded": "false"}},
			"degraded":          {"ration_decisions_total", map[string]string{"allowed": "true", "degraded": "true"}},
			"refused":           {"ration_refusals_total", map[string]string{"limit": "day"}},
			"store_failed":      {"ration_decisions_total", map[string]string{"reason": "store_failed", "allowed": "false"}},
			"would_refuse":      {"ration_would_refuse_total", map[string]string{"limit": "trial"}},
			"settle ok":         {"ration_corrections_total", map[string]string{"kind": "settle", "result": "ok"}},
			"settle failed":     {"ration_corrections_total", map[string]string{"kind": "settle", "result": "failed"}},
			"refund":            {"ration_corrections_total", map[string]string{"kind": "refund"}},
			"charged requests":  {"ration_units_charged_total", map[string]string{"unit": "requests"}},
			"charged tokens":    {"ration_units_charged_total", map[string]string{"unit": "tokens"}},
			"returned requests": {"ration_units_returned_total", map[string]string{"unit": "requests"}},
			"returned tokens":   {"ration_units_returned_total", map[string]string{"unit": "tokens"}},
		} {
			of.labels["plan"] = plan
			if n := int(f.sum(of.metric, of.labels)); n > 0 {
				all[plan+" "+name] = n
			}
		}
	}
	return all
}

// sum adds up the series of a metric that have all of the labels, over all gateways.
func (f *fleet) sum(metric string, labels map[string]string) (sum float64) {
	for _, gw := range f.gateways {
		families, err := gw.reg.Gather()
		require.NoError(f.t, err)
		for _, family := range families {
			if family.GetName() != metric {
				continue
			}
			for _, m := range family.Metric {
				matching := 0
				for _, l := range m.Label {
					if labels[l.GetName()] == l.GetValue() {
						matching++
					}
				}
				if matching == len(labels) {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}
