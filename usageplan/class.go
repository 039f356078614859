package usageplan

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/quota"
)

// MaxFor is the number of classes and routes that have limits of their own in a plan.
const MaxFor = 100

// Limits has the limits of one class or route: see Plan.For.
type Limits struct {
	Throttles []Throttle    `json:"throttles,omitzero"`
	Quotas    []quota.Quota `json:"quotas,omitzero"`
}

// Named returns the limits of a class or a route as they count: the name of each begins
// with that of the class or the route and a space, such as "opus output_tokens/day".
func (l Limits) Named(key string) Limits {
	named := Limits{slices.Clone(l.Throttles), slices.Clone(l.Quotas)}
	for i := range named.Throttles {
		t := &named.Throttles[i]
		t.Name = key + " " + t.NameOrUnit()
	}
	for i := range named.Quotas {
		q := &named.Quotas[i]
		if name := nameOf(*q); name != "" {
			q.Name = key + " " + name
		}
	}
	return named
}

// maxClass is the largest length of a class, in bytes. The name of a limit of the class
// begins with the class and has room in quota.MaxName.
const maxClass = 64

// CheckClass returns an error if a class breaks the rules of its name. The error does not
// wrap ErrInvalid, because it is made to be part of another.
func CheckClass(class string) error {
	if class == "" || len(class) > maxClass || strings.ContainsFunc(class, notInClass) {
		return fmt.Errorf("class: %.80q: want 1 to %d ASCII letters, digits and any of \"._:@-\"", class, maxClass)
	}
	return nil
}

// notInClass reports whether a class must not contain c.
func notInClass(c rune) bool { return notInID(c) && !strings.ContainsRune(".:@", c) }

// isRoute reports whether a key of Plan.For is a route. Every route has a slash, and no
// class has one.
func isRoute(key string) bool { return strings.Contains(key, "/") }

// forPath returns the path of a member of Plan.For in an error.
func forPath(key string) string { return fmt.Sprintf("for[%.200q]", key) }

// forFaults returns the faults that each of the limits of classes and routes has alone.
// See combinationFaults for the rest.
func forFaults(all map[string]Limits) (errs []error) {
	if len(all) > MaxFor {
		errs = append(errs, fmt.Errorf("for: %d of them: want at most %d", len(all), MaxFor))
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		l := all[key]
		path := forPath(key)
		wrongKey := checkForKey(key)
		errs = append(errs, fault.In(path, wrongKey))
		if len(l.Throttles)+len(l.Quotas) == 0 {
			errs = append(errs, fmt.Errorf("%s: no limits: want one, or no such member", path))
		}
		faults := limitFaults(nil, l.Throttles, l.Quotas)
		if wrongKey == nil {
			faults = append(faults, l.tooLong(key)...)
		}
		for _, err := range faults {
			errs = append(errs, fault.In(path, fault.Report(ErrInvalid, "", err)))
		}
	}
	return errs
}

// checkForKey returns the fault of a key of Plan.For. Headers show it as a part of a
// name, so a route must be ASCII.
func checkForKey(key string) error {
	if key == AnyRoute || key == "*/*" {
		return errors.New("want a class or a single route: limits for every request belong in throttles and quotas")
	}
	if !isRoute(key) {
		return CheckClass(key)
	}
	switch canonical, err := route(key); {
	case err != nil:
		return fault.In("route", err)
	case canonical != key:
		return fmt.Errorf("route: want the canonical name %q", canonical)
	case strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }):
		return errors.New("route: want visible ASCII characters or spaces, as in the names of its limits")
	}
	return nil
}

// tooLong returns the faults of names that are too long together with the class or the
// route.
func (l Limits) tooLong(key string) (errs []error) {
	check := func(field string, i int, own, name string) {
		if n := len(name); n > quota.MaxName && len(own) <= quota.MaxName {
			errs = append(errs, fmt.Errorf("%s[%d].name: %.100q: %d bytes: want at most %d", field, i, name, n, quota.MaxName))
		}
	}
	named := l.Named(key)
	for i, t := range named.Throttles {
		check("throttles", i, l.Throttles[i].Name, t.Name)
	}
	for i, q := range named.Quotas {
		check("quotas", i, l.Quotas[i].Name, q.Name)
	}
	return errs
}

// mostMet returns how many limits of classes and routes one request can meet: those of
// one class and of one route.
func mostMet(all map[string]Limits) int {
	var class, route int
	for key, l := range all {
		n := len(l.Throttles) + len(l.Quotas)
		if isRoute(key) {
			route = max(route, n)
		} else {
			class = max(class, n)
		}
	}
	return class + route
}

// Classes declares the classes of a service: what it says of requests in
// gate.Request.Class. Nil declares nothing, so every class is accepted.
type Classes []string

// Validate reports every fault of c at once. The error wraps ErrInvalid.
func (c Classes) Validate() error {
	var errs []error
	for i, class := range c {
		path := fmt.Sprintf("[%d]", i)
		if slices.Contains(c[:i], class) {
			errs = append(errs, fmt.Errorf("%s: %.80q: listed twice", path, class))
		}
		errs = append(errs, fault.In(path, CheckClass(class)))
	}
	return fault.Report(ErrInvalid, "classes", errs...)
}

// Check returns an error if a class breaks the rules of its name or is not declared. The
// error does not wrap ErrInvalid, because it is made to be part of another.
func (c Classes) Check(class string) error {
	if err := CheckClass(class); err != nil {
		return err
	}
	if c == nil || slices.Contains(c, class) {
		return nil
	}
	declared := "there is none"
	if len(c) > 0 {
		declared = strings.Join(c, ", ")
	}
	return fmt.Errorf("class: %q: want one that is declared: %s", class, declared)
}
