package alert

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/usageplan"
)

// Config configures an Observer. The zero Config is usable.
type Config struct {
	// Thresholds are the percentages for the plans and links that have no Alerts, by the
	// rules of usageplan.CheckAlerts. If nil, they are 50, 80 and 100. If empty but not nil,
	// only plans and links with Alerts fire.
	Thresholds []int

	// Queue is how many Events wait for delivery at most. The default is 1024.
	Queue int

	// MaxWindows is for how many windows an Observer remembers which thresholds have fired.
	// Those of windows that have ended are forgotten first. The default is 100,000, which
	// take about 15 MB. Only windows that have reached a threshold count.
	//
	// If there are more, only the decision or the settlement that crosses a threshold fires
	// it in the others, and no later decision does.
	MaxWindows int

	// Drain is how long Run delivers what is queued after its ctx is done. The default is
	// 5s. If it is negative, Run returns at once.
	Drain time.Duration

	// Logger is told, as a warning, that Run is not running or that the queue is full. If
	// nil, nothing is logged.
	Logger *slog.Logger
}

// faults returns the faults of cfg.
func (cfg *Config) faults() (errs []error) {
	if err := usageplan.CheckAlerts(cfg.Thresholds); err != nil {
		errs = append(errs, fault.In("thresholds", err))
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"queue", cfg.Queue}, {"maxWindows", cfg.MaxWindows}} {
		if n.value < 0 {
			errs = append(errs, fmt.Errorf("%s: %d: want 0 or more", n.name, n.value))
		}
	}
	return errs
}

func (cfg Config) withDefaults() Config {
	if cfg.Thresholds == nil {
		cfg.Thresholds = []int{50, 80, 100}
	}
	cfg.Thresholds = slices.Clone(cfg.Thresholds)
	cfg.Queue = cmp.Or(cfg.Queue, 1024)
	cfg.MaxWindows = cmp.Or(cfg.MaxWindows, 100_000)
	cfg.Drain = cmp.Or(cfg.Drain, 5*time.Second)
	return cfg
}
