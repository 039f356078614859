package series

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/usageplan"
)

// defaultMaxSeries is the default of Config.MaxSeries.
const defaultMaxSeries = 1000

// Labels that stand for many values, and for none.
const (
	Other = "other"
	None  = "none"
)

// Config configures a Recorder. The modules that export the series have the same fields.
type Config struct {
	Units     usageplan.Units
	MaxSeries int
}

// Faults returns every fault of cfg.
func (cfg Config) Faults() (errs []error) {
	if err := cfg.Units.Validate(); err != nil {
		errs = append(errs, fault.In("units", err))
	}
	if cfg.MaxSeries < 0 {
		errs = append(errs, fmt.Errorf("maxSeries: %d: want 0 or more", cfg.MaxSeries))
	}
	return errs
}

// A Recorder counts what it is told as a gate.Observer. It is safe for concurrent use.
type Recorder struct {
	units  [1 + usageplan.MaxUnits]string
	given  usageplan.Units
	max    int64
	plans  table[string, plan]
	nPlans atomic.Int64
	nSets  atomic.Int64 // label sets of limits
	other  *plan        // for plans for which there is no room

	keyReads, staleKeys atomic.Int64

	sources sources
}

// New returns a Recorder. cfg has no faults.
func New(cfg Config) *Recorder {
	r := &Recorder{given: cfg.Units, max: int64(cfg.MaxSeries), other: newPlan(Other)}
	if r.max == 0 {
		r.max = defaultMaxSeries
	}
	r.units[0] = usageplan.Requests
	for i := range usageplan.MaxUnits {
		r.units[i+1] = fmt.Sprint("unit", i+1)
	}
	for i, unit := range cfg.Units {
		r.units[i+1] = unit.Name
	}
	return r
}

// checkUnits returns an error if the costs that a Gate tells would have wrong names.
func (r *Recorder) checkUnits(g *gate.Gate) error {
	names := func(units usageplan.Units) string {
		var all []string
		for _, u := range units {
			all = append(all, u.Name)
		}
		return strings.Join(all, ", ")
	}
	if have, want := names(r.given), names(g.Units()); have != want {
		return fmt.Errorf("units: %q: want those of the Gate: %q", have, want)
	}
	return nil
}

// plan returns the counts of a plan by its ID. Nil is the plan of a request that has
// none.
func (r *Recorder) plan(p *usageplan.Plan) *plan {
	id := None
	if p != nil {
		id = p.ID
	}
	if found := r.plans.find(id); found != nil {
		return found
	}
	if id == Other {
		return r.other // a plan of this name must not be there twice
	}
	if r.nPlans.Load() >= r.max && p != nil {
		return r.other
	}
	room := func() bool { return p == nil || r.nPlans.Add(1) <= r.max }
	if added := r.plans.add(id, newPlan(id), room); added != nil {
		return added
	}
	return r.other
}

// limit returns the counts of a limit of p. Without room, it is the one named "other" of
// the plan named "other". The number of those is bounded, since the other labels are.
func (r *Recorder) limit(p *plan, k limitKey) *atomic.Int64 {
	if n := p.limits.find(k); n != nil {
		return n
	}
	room := func() bool { return r.nSets.Add(1) <= r.max }
	if r.nSets.Load() < r.max && p != r.other {
		if n := p.limits.add(k, new(atomic.Int64), room); n != nil {
			return n
		}
	}
	k.limit = Other
	if n := r.other.limits.find(k); n != nil {
		return n
	}
	return r.other.limits.add(k, new(atomic.Int64), func() bool { return true })
}

var errWatched = errors.New("watch: a Gate is watched already: want one Observer for each Gate")
