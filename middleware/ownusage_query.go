package middleware

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/routename"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A usageQuery is what a client asks for.
type usageQuery struct {
	gate.UsageQuery
	costs        usageplan.Costs
	asksCost     bool
	class, route string
}

// A parameterFault says what is wrong with one parameter of a query.
type parameterFault struct {
	Parameter string `json:"parameter,omitzero"`
	Detail    string `json:"detail"`
}

// maxPast is how many windows, and how many days, a client may ask for. The service pays
// for the reading.
const maxPast = 100

// maxRoute is the greatest length of a route in a query, in bytes.
const maxRoute = 1024

// costParameter is the name of the parameter for requests. For another unit, a dot and
// the name of the unit follow.
const costParameter = "cost"

// parse reads the query of r. It returns every fault. A parameter that is not known is a
// fault, unless it held the credential.
func (u *ownUsage) parse(r *http.Request, found *Credential) (*usageQuery, []parameterFault) {
	q := &usageQuery{}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, []parameterFault{{"", "The query is not URL-encoded."}}
	}
	var faults []parameterFault
	for _, name := range slices.Sorted(keysOf(values)) {
		if name == found.Query {
			continue
		}
		if len(values[name]) > 1 {
			faults = append(faults, newParameterFault(name, "given %d times: want it once", len(values[name])))
			continue
		}
		if detail := u.set(q, name, values[name][0]); detail != "" {
			faults = append(faults, newParameterFault(name, "%s", detail))
		}
	}
	return q, faults
}

// keysOf returns a sequence of the names of parameters.
func keysOf(values url.Values) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range values {
			if !yield(name) {
				return
			}
		}
	}
}

// newParameterFault returns a fault. A long name is cut, since the client chooses it.
func newParameterFault(name, format string, args ...any) parameterFault {
	return parameterFault{fmt.Sprintf("%.80s", name), fmt.Sprintf(format, args...)}
}

// set sets a parameter of q. It returns what is wrong with it, or "".
func (u *ownUsage) set(q *usageQuery, name, value string) (fault string) {
	switch name {
	case "windows":
		q.Windows, fault = past(value)
	case "days":
		q.Days, fault = past(value)
	case "class":
		if err := u.gate.Classes().Check(value); err != nil {
			return err.Error()
		}
		q.class = value
	case "route":
		if !strings.Contains(value, "/") || len(value) > maxRoute {
			return fmt.Sprintf("%.80q: want a route, such as \"GET /pets/{id}\"", value)
		}
		q.route = routename.Of(nameOf(value))
	default:
		return u.setCost(q, name, value)
	}
	return fault
}

// setCost sets the cost of requests or of another unit. It returns what is wrong with it,
// or "".
func (u *ownUsage) setCost(q *usageQuery, name, value string) (fault string) {
	unit, ok := strings.CutPrefix(name, costParameter+".")
	if unit == "" || !ok && name != costParameter { // elsewhere "" stands for requests
		return "want windows, days, class, route, cost or cost.UNIT"
	}
	n, err := strconv.ParseInt(value, 10, 64)
	index := -1
	if ok && unit != usageplan.Requests {
		if err := u.gate.Units().Check(unit); err != nil {
			return err.Error()
		}
		index = u.gate.Units().Index(unit)
	}
	least := int64(0)
	if index < 0 {
		least = 1
	}
	if err != nil || n < least || n > store.MaxUnits {
		return fmt.Sprintf("%.40q: want %d to 2^53-1", value, least)
	}
	q.asksCost = true
	switch {
	case index >= 0:
		q.costs[index] = n
	case q.Requests != 0:
		return "want cost or cost.requests, not both"
	default:
		q.Requests = n
	}
	return ""
}

// past reads a number of windows or days.
func past(value string) (n int, fault string) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > maxPast {
		return 0, fmt.Sprintf("%.40q: want 0 to %d", value, maxPast)
	}
	return n, ""
}
