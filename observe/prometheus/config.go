package prometheus

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"

	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/observe/internal/series"
	"github.com/ration-go/ration/usageplan"
)

// ErrInvalid is wrapped by every error that reports a bad Config, or a Gate that an
// Observer cannot watch.
var ErrInvalid = errors.New("observe/prometheus: invalid")

// Config configures an Observer. The zero Config is ready to use.
type Config struct {
	// Registerer registers the Observer. If nil, the caller registers it: an Observer is a
	// prometheus.Collector.
	Registerer prometheus.Registerer

	// Labels are constant labels of all metrics. Observers of several Gates in one process
	// need them, for example {"gate": "public"}. They must not be labels that a metric of
	// this package has.
	Labels prometheus.Labels

	// Units are those of gate.Config.Units, in their order.
	Units usageplan.Units

	// MaxSeries bounds the plans that the label plan names, and the label sets of limits of
	// all plans together. What comes later counts as the plan "other". The default is 1000.
	MaxSeries int

	// Buckets are the upper bounds of the buckets of durations, in seconds. The default is
	// from 100ns to 1s, three for each power of ten.
	Buckets []float64

	// Native adds native histograms to the buckets, for servers that can store them.
	Native bool
}

// faults returns every fault of cfg.
func (cfg Config) faults() []error {
	errs := series.Config{Units: cfg.Units, MaxSeries: cfg.MaxSeries}.Faults()
	used := usedLabels()
	for _, name := range slices.Sorted(maps.Keys(cfg.Labels)) {
		switch {
		case !model.LegacyValidation.IsValidLabelName(name) || name == "le":
			errs = append(errs, fmt.Errorf("labels: %.40q: want the name of a label: letters, digits and '_'", name))
		case used[name]:
			errs = append(errs, fmt.Errorf("labels: %q: want another name: the metrics have this label", name))
		}
	}
	for i, bound := range cfg.Buckets {
		if math.IsNaN(bound) || i > 0 && bound <= cfg.Buckets[i-1] {
			errs = append(errs, fmt.Errorf("buckets[%d]: %v: want ascending bounds", i, bound))
		}
	}
	return append(errs, nilcheck.Optional("registerer", cfg.Registerer, "a Registerer, or none"))
}

// usedLabels returns the labels of the metrics.
func usedLabels() map[string]bool {
	all := map[string]bool{}
	for _, m := range series.Metrics() {
		for _, label := range m.Labels {
			all[label] = true
		}
	}
	for _, label := range series.DecisionTime.Labels {
		all[label] = true
	}
	return all
}
