package usageplan

import (
	"fmt"
	"strings"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
)

// Requests is the unit that every service has. A request is charged 1 of it.
const Requests = "requests"

// MaxUnits is the number of units that a service can declare beside Requests.
const MaxUnits = 4

// A Unit is something that requests use and plans limit, such as tokens of a language
// model, bytes or money. Amounts are whole numbers, so money is in a small unit such as
// micro_usd.
type Unit struct {
	// Name has 1 to 32 lower-case ASCII letters, digits and '_', and begins with a letter.
	// Plans name the unit by it. It must not change while a plan, a link or a group names
	// it.
	Name string `json:"name"`

	// Required makes a Gate refuse a request that has 0 of the unit as bad input. It is for
	// units of which every request uses some, so that a forgotten cost is not free.
	Required bool `json:"required,omitzero"`
}

// Units declares the units of a service, at most MaxUnits. Declare them once, and give
// the same Units to each Config, gate.Config and ration.Config of the service.
//
// The order counts: it is that of Costs. Add new units at the end.
type Units []Unit

// Costs is what one request uses of each declared unit, in the order of Units. The costs
// beyond the declared units are 0.
//
//	const (InputTokens = iota; OutputTokens; MicroUSD) // as declared
//	costs := usageplan.Costs{InputTokens: 812, OutputTokens: 2_000}
type Costs [MaxUnits]int64

// Validate reports every fault of u at once. The error wraps ErrInvalid.
func (u Units) Validate() error {
	var errs []error
	for i, unit := range u {
		switch name := unit.Name; {
		case i >= MaxUnits:
			errs = append(errs, fmt.Errorf("[%d]: %.40q: want at most %d units", i, name, MaxUnits))
		case name == "" || !quota.IsUnit(name):
			errs = append(errs, fmt.Errorf("[%d].name: %.40q: %s", i, name, quota.UnitRule))
		case name == Requests:
			errs = append(errs, fmt.Errorf("[%d].name: %q: want another name: every service has this unit", i, name))
		case u.Index(name) != i:
			errs = append(errs, fmt.Errorf("[%d].name: %q: listed twice", i, name))
		}
	}
	return fault.Report(ErrInvalid, "units", errs...)
}

// Index returns the index of a unit in Units and Costs, or -1 if it is not declared, as
// Requests is not.
func (u Units) Index(name string) int {
	for i := range u {
		if u[i].Name == name {
			return i
		}
	}
	return -1
}

// faults returns the faults of limits that name a unit that is not declared. It leaves
// out names that no unit can have, since Validate reports them.
func (u Units) faults(throttles []Throttle, quotas []quota.Quota) (errs []error) {
	add := func(field string, i int, unit string) {
		if quota.IsUnit(unit) && !u.has(unit) {
			errs = append(errs, fmt.Errorf("%s[%d].%w", field, i, u.Check(unit)))
		}
	}
	for i, t := range throttles {
		add("throttles", i, t.Unit)
	}
	for i, q := range quotas {
		add("quotas", i, q.Unit)
	}
	return errs
}

// has reports whether a plan may name a unit.
func (u Units) has(name string) bool { return name == "" || name == Requests || u.Index(name) >= 0 }

// Check returns an error if a plan must not name a unit, because it is neither Requests
// nor declared. The empty name stands for Requests. The error does not wrap ErrInvalid,
// because it is made to be part of another.
func (u Units) Check(name string) error {
	if u.has(name) {
		return nil
	}
	names := []string{Requests}
	for _, unit := range u {
		names = append(names, unit.Name)
	}
	return fmt.Errorf("unit: %.40q: want one that is declared: %s", name, strings.Join(names, ", "))
}

// ValidateCosts reports every fault of costs of these units at once. The error wraps
// ErrInvalid. With atLeastOne, a cost of 0 of a Required unit is a fault.
func (u Units) ValidateCosts(c *Costs, atLeastOne bool) error {
	var errs []error
	for i, n := range c {
		switch {
		case i >= len(u):
			if n != 0 {
				errs = append(errs, fmt.Errorf("costs[%d]: %d: want 0: no unit is declared for it", i, n))
			}
		case n < 0 || n > store.MaxUnits:
			errs = append(errs, fmt.Errorf("costs[%d] (%s): %d: want 0 to 2^53-1", i, u[i].Name, n))
		case n == 0 && atLeastOne && u[i].Required:
			errs = append(errs, fmt.Errorf("costs[%d] (%s): 0: want the cost: the unit is required", i, u[i].Name))
		}
	}
	return fault.Report(ErrInvalid, "", errs...)
}
