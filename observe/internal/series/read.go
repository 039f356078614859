package series

import (
	"strconv"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
)

// A Yield gets the value of one label set of a Metric. The values of the labels are in
// the order of Metric.Labels.
type Yield func(m *Metric, value float64, labels ...string)

// Read reads all counters that are not 0, and all gauges of the sources.
func (r *Recorder) Read(yield Yield) {
	for _, p := range r.plans.all() {
		r.readPlan(p, yield)
	}
	r.readPlan(r.other, yield)
	yield(KeyReads, float64(r.keyReads.Load()))
	yield(StaleKeys, float64(r.staleKeys.Load()))
	r.sources.read(yield)
}

// readPlan reads the counts of one plan.
func (r *Recorder) readPlan(p *plan, yield Yield) {
	count := func(m *Metric, n *atomic.Int64, labels ...string) {
		if v := n.Load(); v != 0 {
			yield(m, float64(v), append([]string{p.label}, labels...)...)
		}
	}
	for i := range p.decisions {
		reason := gate.Reason(i).String()
		for _, allowed := range []bool{false, true} {
			for _, degraded := range []bool{false, true} {
				count(Decisions, &p.decisions[i][bit(allowed)][bit(degraded)], reason, strconv.FormatBool(allowed), strconv.FormatBool(degraded))
			}
		}
		count(Peeks, &p.peeks[i], reason)
	}
	count(Further, &p.further)
	count(Repeated, &p.repeated)
	for i, unit := range r.units {
		count(Charged, &p.charged[i], unit)
		count(Returned, &p.returned[i], unit)
	}
	for refund, kind := range []string{"settle", "refund"} {
		for failed, result := range []string{"ok", "failed"} {
			count(Corrections, &p.corrections[refund][failed], kind, result)
		}
	}
	for k, n := range p.limits.all() {
		if k.reason == 0 {
			count(WouldRefuse, n, Label(k.limit), k.unit, k.payer.String())
		} else {
			count(Refusals, n, Label(k.limit), k.unit, k.payer.String(), k.reason.String())
		}
	}
}
