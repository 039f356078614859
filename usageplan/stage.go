package usageplan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// A Stage is one deployment of one API, as in AWS: Stage{"orders", "prod"}. The service
// chooses both names. The name of the API has no ':'. The text form, also in JSON, is
// that of AWS: "orders:prod".
type Stage struct{ API, Name string }

// String returns the text form, "api:name".
func (s Stage) String() string { return s.API + ":" + s.Name }

// MarshalText returns the text form. The error is always nil.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets s from the text form. The error wraps ErrInvalid and leaves s
// unchanged. UnmarshalText does not check the two names: see Validate.
func (s *Stage) UnmarshalText(text []byte) error {
	api, name, found := strings.Cut(string(text), ":")
	if !found {
		return fmt.Errorf("%w stage: %.100q: want a form like %q", ErrInvalid, text, "orders:prod")
	}
	*s = Stage{api, name}
	return nil
}

// Validate reports whether both names are there, are not too long together, and have no
// characters that are not allowed. The error does not wrap ErrInvalid, because it is made
// to be part of another.
func (s Stage) Validate() error {
	if s.API == "" || s.Name == "" || strings.Contains(s.API, ":") {
		return errors.New("want an API, without a ':', and a stage name")
	}
	return text("name", s.String(), store.MaxName)
}

// stages returns the faults of the stages of a plan.
func stages(list []Stage) (errs []error) {
	if n := len(list); n > MaxStages {
		errs = append(errs, fmt.Errorf("stages: %d of them: want at most %d", n, MaxStages))
	}
	seen := map[Stage]bool{}
	for i, s := range list {
		if err := s.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("stages[%d]: %.200q: %w", i, s, err))
		}
		if seen[s] {
			errs = append(errs, fmt.Errorf("stages[%d]: %q: listed twice", i, s))
		}
		seen[s] = true
	}
	return errs
}

// routes returns the faults of throttles by route. The names of their buckets begin with
// bucket, and must fit in the name of a meter. The routes are sorted, so that the error
// is the same each time.
func routes(field, bucket string, limits map[string]limiter.Limit) (errs []error) {
	if n := len(limits); n > MaxRoutes {
		errs = append(errs, fmt.Errorf("%s: %d of them: want at most %d", field, n, MaxRoutes))
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		path := fmt.Sprintf("%s[%.200q]", field, name)
		canonical, err := route(name)
		switch n := len(bucket) + len(name); {
		case err != nil: // reported below
		case canonical != name:
			err = fmt.Errorf("want the canonical name %q", canonical)
		case n > store.MaxName:
			err = fmt.Errorf("%d bytes with the stage: want at most %d", n, store.MaxName)
		}
		errs = append(errs, fault.In(path, err), fault.In(path, limits[name].Validate()))
	}
	return errs
}

// stageRoutes returns the faults of throttles by stage and route.
func stageRoutes(stages map[Stage]map[string]limiter.Limit) (errs []error) {
	if n := len(stages); n > MaxStages {
		errs = append(errs, fmt.Errorf("stageRoutes: %d of them: want at most %d", n, MaxStages))
	}
	for _, stage := range slices.SortedFunc(maps.Keys(stages), Stage.compare) {
		path := fmt.Sprintf("stageRoutes[%.200q]", stage)
		errs = append(errs, fault.In(path, stage.Validate()))
		errs = append(errs, routes(path, metername.StagePrefix(stage.String()), stages[stage])...)
	}
	return errs
}

// compare orders stages by their text form.
func (s Stage) compare(o Stage) int { return strings.Compare(s.String(), o.String()) }
