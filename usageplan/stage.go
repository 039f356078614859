package usageplan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/internal/bucketname"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// Stage is one deployment of one API, as AWS has it: ("orders", "prod"). Both are the
// service's own names; there is no ':' in the API's. Its text form, in JSON too, is
// AWS's: "orders:prod".
type Stage struct{ API, Name string }

// String is "api:name".
func (s Stage) String() string { return s.API + ":" + s.Name }

// MarshalText is String; the error is always nil.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote. Its error wraps ErrInvalid, and s is then
// unchanged.
func (s *Stage) UnmarshalText(text []byte) error {
	api, name, found := strings.Cut(string(text), ":")
	if !found {
		return fmt.Errorf("%w stage: %.100q: want a form like %q", ErrInvalid, text, "orders:prod")
	}
	*s = Stage{api, name}
	return nil
}

// Validate reports what is wrong with s: an API or a name that is missing, or too long.
func (s Stage) Validate() error {
	if s.API == "" || s.Name == "" || strings.Contains(s.API, ":") {
		return errors.New("want an API, without a ':', and a stage name")
	}
	return text("name", s.String(), store.MaxName)
}

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
			errs = append(errs, fmt.Errorf("stages[%d]: %q: there twice", i, s))
		}
		seen[s] = true
	}
	return errs
}

// routes returns the faults of throttles by route; bucket is what the names of their
// buckets begin with.
func routes(field, bucket string, limits map[string]limiter.Limit) (errs []error) {
	if n := len(limits); n > MaxRoutes {
		errs = append(errs, fmt.Errorf("%s: %d of them: want at most %d", field, n, MaxRoutes))
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		path := fmt.Sprintf("%s[%.200q]", field, name)
		canonical, err := route(name)
		switch n := len(bucket) + len(name); {
		case err != nil:
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
		errs = append(errs, routes(path, bucketname.StagePrefix(stage.String()), stages[stage])...)
	}
	return errs
}

func (s Stage) compare(o Stage) int { return strings.Compare(s.String(), o.String()) }
