package usageplan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/internal/pages"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// limitFaults returns the faults of each throttle and quota of a plan, a link or a group.
func limitFaults(throttle *limiter.Limit, throttles []Throttle, quotas []quota.Quota) (errs []error) {
	if throttle != nil {
		errs = append(errs, fault.In("throttle", throttle.Validate()))
	}
	for i, t := range throttles {
		errs = append(errs, fault.In(fmt.Sprintf("throttles[%d]", i), t.Validate()))
	}
	for i, q := range quotas {
		errs = append(errs, fault.In(fmt.Sprintf("quotas[%d]", i), q.Validate()))
	}
	return errs
}

// combinationFaults returns the faults that limits have only beside one another: too many
// of them, and names that are not unique. fors has the limits of classes and routes.
func combinationFaults(throttles []Throttle, quotas []quota.Quota, fors map[string]Limits) (errs []error) {
	if n := len(throttles) + len(quotas); n >= MaxLimits { // the first is Plan.Throttle
		errs = append(errs, fmt.Errorf("throttles, quotas: %d of them: want at most %d", n, MaxLimits-1))
	} else if n += mostMet(fors); n >= MaxLimits {
		errs = append(errs, fmt.Errorf("for: a request can meet %d throttles and quotas: want at most %d", n, MaxLimits-1))
	}

	// Headers and errors tell the limits of a plan apart by their names. A Counter tells the
	// counts of a subject apart by names as well, so no limit may have the name of a usage
	// record.
	seen := map[string]bool{metername.Throttle: true, quota.RecordName: true}
	unique := func(field string, i int, name string) {
		if seen[name] || strings.HasPrefix(name, metername.RecordPrefix) || strings.HasPrefix(name, metername.RoutePrefix) {
			errs = append(errs, fmt.Errorf("%s[%d].name: %.100q: want a unique name (%q, %q and names that begin with %q or %q are reserved): in a text, add %q",
				field, i, name, metername.Throttle, quota.RecordName, metername.RecordPrefix, metername.RoutePrefix, " as NAME"))
		}
		seen[name] = name != ""
	}
	all := func(path string, l Limits) {
		for i, t := range l.Throttles {
			unique(path+"throttles", i, t.NameOrUnit())
		}
		for i, q := range l.Quotas {
			unique(path+"quotas", i, nameOf(q))
		}
	}
	all("", Limits{throttles, quotas})
	for _, key := range slices.Sorted(maps.Keys(fors)) {
		all(fmt.Sprintf("for[%.200q].", key), fors[key].Named(key))
	}
	return errs
}

// nameOf returns the name of a quota, or "" if it has neither a Name nor a valid Period,
// which is the default. Validate then reports the Period only.
func nameOf(q quota.Quota) string {
	if _, err := q.Period.MarshalText(); q.Name == "" && err != nil {
		return ""
	}
	return q.NameOrPeriod()
}

// mixes reports whether a link or a group with these overrides has limits of its own
// beside limits of p. No override replaces the limits of classes and routes.
func (p *Plan) mixes(throttles []Throttle, quotas []quota.Quota) bool {
	if throttles == nil && quotas == nil {
		return false
	}
	return throttles == nil || quotas == nil || len(p.For) > 0
}

// overrideFaults returns the faults that the overrides of a link or a group have beside
// those limits of p that they do not replace: too many limits for one request, and two
// limits of one name.
func (p *Plan) overrideFaults(throttles []Throttle, quotas []quota.Quota) (errs []error) {
	if !p.mixes(throttles, quotas) {
		return nil // all limits are of one record, whose own faults say all
	}
	if throttles == nil {
		throttles = p.Throttles
	}
	if quotas == nil {
		quotas = p.Quotas
	}
	for _, err := range combinationFaults(throttles, quotas, p.For) {
		errs = append(errs, fmt.Errorf("with the other limits of plan %s: %w", p.ID, err))
	}
	return errs
}

// checkEveryOverride returns an error if the overrides of one of the links and groups of
// p do not fit beside its limits. p replaces old. If p has no limit with a new name,
// checkEveryOverride reads nothing, because the overrides fit as they did before.
func (s *Service) checkEveryOverride(ctx context.Context, p, old *Plan) error {
	had := old.limitNames()
	isNew := func(name limitName) bool { return !slices.Contains(had, name) }
	if !slices.ContainsFunc(p.limitNames(), isNew) {
		return nil
	}
	for page, err := range pages.All(func(cursor string) ([]Link, string, error) {
		return s.plans.PlanLinks(ctx, p.ID, cursor, pages.Size)
	}) {
		if err != nil {
			return fmt.Errorf("usageplan: links of plan %s: %w", p.ID, err)
		}
		for i := range page {
			if err := s.checkLinkOverrides(ctx, p, &page[i]); err != nil {
				return err
			}
		}
	}
	groups, ok := s.plans.(GroupStore)
	if !ok {
		return nil
	}
	for g, err := range allGroups(ctx, groups, GroupFilter{PlanID: p.ID}) {
		if err == nil {
			err = g.overridesError(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A limitName identifies a throttle or a quota of a plan. The class or the route is empty
// if it is for all requests.
type limitName struct{ kind, key, name string }

// limitNames returns the name of each throttle and quota.
func (p *Plan) limitNames() (names []limitName) {
	add := func(key string, l Limits) {
		for _, t := range l.Throttles {
			names = append(names, limitName{"throttle", key, t.NameOrUnit()})
		}
		for _, q := range l.Quotas {
			names = append(names, limitName{"quota", key, q.NameOrPeriod()})
		}
	}
	add("", Limits{p.Throttles, p.Quotas})
	for key, l := range p.For {
		add(key, l)
	}
	return names
}

// checkLinkOverrides returns an error if the overrides of l do not fit beside the limits
// of p. A link whose key does not exist has no effect, so it has no error.
func (s *Service) checkLinkOverrides(ctx context.Context, p *Plan, l *Link) error {
	invalidLink := invalid("link of key "+l.KeyID, p.overrideFaults(l.Throttles, l.Quotas))
	if invalidLink == nil {
		return nil
	}
	if _, err := s.keys.Key(ctx, l.KeyID); errors.Is(err, apikey.ErrNotFound) {
		return nil
	}
	return invalidLink
}

// overridesError returns an error if the overrides of g do not fit beside the limits of
// p.
func (g *Group) overridesError(p *Plan) error {
	return invalid("group "+g.ID, p.overrideFaults(g.Throttles, g.Quotas))
}
