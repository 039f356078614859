package otel

import (
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/observe/internal/series"
	"github.com/ration-go/ration/usageplan"
)

// ErrInvalid is wrapped by every error that reports a bad Config, or a Gate that an
// Observer cannot watch.
var ErrInvalid = errors.New("observe/otel: invalid")

// Config configures an Observer. The zero Config sets attributes of spans, and has no
// metrics.
type Config struct {
	// Meter makes the instruments. If nil, there are no metrics. Observers of several Gates
	// in one process need Meters that differ, for example by their name.
	Meter metric.Meter

	// Units are those of gate.Config.Units, in their order.
	Units usageplan.Units

	// MaxSeries bounds the plans that the attribute plan names, and the attribute sets of
	// limits of all plans together. What comes later counts as the plan "other". The default
	// is 1000. The SDK has a limit of its own for each instrument.
	MaxSeries int

	// NoSpans leaves spans alone.
	NoSpans bool
}

// faults returns every fault of cfg.
func (cfg Config) faults() []error {
	errs := series.Config{Units: cfg.Units, MaxSeries: cfg.MaxSeries}.Faults()
	return append(errs, nilcheck.Optional("meter", cfg.Meter, "a Meter, or none"))
}
