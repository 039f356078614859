package usageplan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// Stage is one deployment of one API, as AWS has it: ("orders", "prod"). Both are the service's own names; there is no ':'
// in the API's. Its text form, in JSON too, is AWS's: "orders:prod".
type Stage struct{ API, Name string }

// String is "api:name".
func (s Stage) String() string { return s.API + ":" + s.Name }

// MarshalText is String; the error is always nil.
func (s Stage) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote. Its error wraps ErrInvalid, and s is then unchanged.
func (s *Stage) UnmarshalText(text []byte) error {
	api, name, found := strings.Cut(string(text), ":")
	if !found {
		return fmt.Errorf("%w stage: %.100q: want a form like %q", ErrInvalid, text, "orders:prod")
	}
	*s = Stage{api, name}
	return nil
}

func (s Stage) fault() error {
	if s.API == "" || s.Name == "" || strings.Contains(s.API, ":") {
		return fmt.Errorf("%q: want an API, without a ':', and a stage name", s)
	}
	return text("stage", s.String(), store.MaxName)
}

func stages(list []Stage) (errs []error) {
	if n := len(list); n > MaxStages {
		errs = append(errs, fmt.Errorf("stages: %d of them: want at most %d", n, MaxStages))
	}
	seen := map[Stage]bool{}
	for i, s := range list {
		if err := s.fault(); err != nil {
			errs = append(errs, fmt.Errorf("stages[%d]: %w", i, err))
		}
		if seen[s] {
			errs = append(errs, fmt.Errorf("stages[%d]: %q: there twice", i, s))
		}
		seen[s] = true
	}
	return errs
}

// routes is the faults of throttles by route; bucket is what the names of their buckets begin with.
func routes(field, bucket string, limits map[string]limiter.Limit) (errs []error) {
	if n := len(limits); n > MaxRoutes {
		errs = append(errs, fmt.Errorf("%s: %d of them: want at most %d", field, n, MaxRoutes))
	}
	for name, l := range limits {
		if canonical, err := Route(name); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", field, err))
		} else if canonical != name {
			errs = append(errs, fmt.Errorf("%s[%q]: want the canonical name %q", field, name, canonical))
		} else if n := len(bucket) + len(name); n > store.MaxName {
			errs = append(errs, fmt.Errorf("%s[%q]: %d bytes with the stage: want at most %d", field, name, n, store.MaxName))
		}
		if err := l.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s[%q]: %w", field, name, err))
		}
	}
	return errs
}

func stageRoutes(stages map[Stage]map[string]limiter.Limit) error {
	var errs []error
	if n := len(stages); n > MaxStages {
		errs = append(errs, fmt.Errorf("stageRoutes: %d of them: want at most %d", n, MaxStages))
	}
	for stage, limits := range stages {
		if err := stage.fault(); err != nil {
			errs = append(errs, fmt.Errorf("stageRoutes: %w", err))
		}
		errs = append(errs, routes(fmt.Sprintf("stageRoutes[%q]", stage), stagePrefix(stage), limits)...)
	}
	return errors.Join(errs...)
}
