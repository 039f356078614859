package usageplan

import (
	"errors"
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
)

// Bounds of a plan. Those of names and descriptions are AWS's for API keys.
const (
	MaxQuotas      = 5    // quotas of a plan, so that a throttle, the usage record and one more meter fit a charge
	MaxRoutes      = 300  // throttles of single routes
	MaxStages      = 100  // API stages
	MaxName        = 1024 // characters of a name
	MaxDescription = 125_000
)

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("usageplan: invalid")

// Plan is how much the keys that are linked to it may use, each for itself.
type Plan struct {
	// ID is the plan's, given by Service.Create.
	ID string `json:"id"`

	Name        string `json:"name,omitzero"`
	Description string `json:"description,omitzero"`

	// Throttle is the token bucket of each subject; nil: none. A rate of 0 blocks.
	Throttle *limiter.Limit `json:"throttle,omitzero"`

	// ThrottleByCost makes the throttle take a request's cost, instead of one for each request.
	ThrottleByCost bool `json:"throttleByCost,omitzero"`

	// Quotas are allowances by the calendar; each takes a request's cost. Their names differ.
	Quotas []quota.Quota `json:"quotas,omitzero"`

	// Routes are throttles that replace Throttle on one route, each with a bucket of its own, by the route's name (see
	// Route); AnyRoute is every route that has none. Quotas count on every route all the same.
	Routes map[string]limiter.Limit `json:"routes,omitzero"`

	// Stages are the API stages that the plan is for; none: all of them, where no plan of the key names the stage.
	Stages []Stage `json:"stages,omitzero"`

	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`

	// Version grows with every update; it belongs to the store.
	Version int64 `json:"version,omitzero"`
}

// Stage is one deployment of one API, as AWS has it: ("orders", "prod"). Both are the service's own names.
type Stage struct {
	API  string `json:"api"`
	Name string `json:"name"`
}

// String is "api/name".
func (s Stage) String() string { return s.API + "/" + s.Name }

// Validate reports every fault of p at once; the error wraps ErrInvalid.
func (p *Plan) Validate() error {
	var errs []error
	errs = append(errs, text("name", p.Name, MaxName), text("description", p.Description, MaxDescription))
	errs = append(errs, limits(p.Throttle, p.Quotas)...)
	if n := len(p.Routes); n > MaxRoutes {
		errs = append(errs, fmt.Errorf("routes: %d of them: want at most %d", n, MaxRoutes))
	}
	for name, l := range p.Routes {
		if canonical, err := Route(name); err != nil {
			errs = append(errs, fmt.Errorf("routes: %w", err))
		} else if canonical != name {
			errs = append(errs, fmt.Errorf("routes[%q]: want the canonical name %q", name, canonical))
		}
		if err := l.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("routes[%q]: %w", name, err))
		}
	}
	errs = append(errs, stages(p.Stages)...)
	return invalid("plan", errs)
}

// limits is the faults of what a plan or a link says.
func limits(throttle *limiter.Limit, quotas []quota.Quota) (errs []error) {
	if throttle != nil {
		if err := throttle.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("throttle: %w", err))
		}
	}
	if n := len(quotas); n > MaxQuotas {
		errs = append(errs, fmt.Errorf("quotas: %d of them: want at most %d", n, MaxQuotas))
	}
	seen := map[string]bool{throttleName: true, quota.RecordName: true}
	for i, q := range quotas {
		if err := q.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("quotas[%d]: %w", i, err))
			continue
		}
		name := q.Meter(time.Unix(0, 0), 0).Name
		if seen[name] {
			errs = append(errs, fmt.Errorf("quotas[%d]: name %q: want one of its own (%q and %q are taken)",
				i, name, throttleName, quota.RecordName))
		}
		seen[name] = true
	}
	return errs
}

func stages(list []Stage) (errs []error) {
	if n := len(list); n > MaxStages {
		errs = append(errs, fmt.Errorf("stages: %d of them: want at most %d", n, MaxStages))
	}
	seen := map[Stage]bool{}
	for i, s := range list {
		if s.API == "" || s.Name == "" {
			errs = append(errs, fmt.Errorf("stages[%d]: %q: want an API and a stage name", i, s))
		}
		errs = append(errs, text(fmt.Sprintf("stages[%d]", i), s.String(), store.MaxName))
		if seen[s] {
			errs = append(errs, fmt.Errorf("stages[%d]: %q: there twice", i, s))
		}
		seen[s] = true
	}
	return errs
}

// text is the fault of a text for people.
func text(field, s string, most int) error {
	if n := utf8.RuneCountInString(s); n > most {
		return fmt.Errorf("%s: %d characters: want at most %d", field, n, most)
	}
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) && r != '\n' && r != '\t' {
			return fmt.Errorf("%s: %.40q: want UTF-8 without control characters", field, s)
		}
	}
	return nil
}

func invalid(what string, errs []error) error {
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w %s: %w", ErrInvalid, what, err)
	}
	return nil
}
