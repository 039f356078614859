package usageplan

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/bucketname"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/strict"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// Bounds of a plan. Those of names and descriptions are AWS's for API keys.
const (
	MaxQuotas      = 5    // quotas of a plan, so that a throttle, the usage record and one more meter fit a charge
	MaxRoutes      = 300  // throttles of single routes
	MaxStages      = 100  // API stages
	MaxName        = 1024 // characters of a name
	MaxDescription = 125_000
)

// maxID is the most bytes of a plan's ID. Two ids, a plan's and a key's, make a subject.
const maxID = 64

// ErrInvalid is wrapped by every error that reports bad input. Nothing has changed then.
var ErrInvalid = errors.New("usageplan: invalid")

// Plan is how much the keys that are linked to it may use, each for itself.
type Plan struct {
	// ID names the plan for ever: 1 to 64 ASCII letters, digits, '_' and '-'. Service.Create
	// takes it, or gives one.
	ID string `json:"id"`

	Name        string `json:"name,omitzero"`
	Description string `json:"description,omitzero"`

	// Throttle is the token bucket of each subject; nil: none. A rate of 0 blocks.
	Throttle *limiter.Limit `json:"throttle,omitzero"`

	// ThrottleByCost makes the throttle take a request's cost, instead of one for each
	// request.
	ThrottleByCost bool `json:"throttleByCost,omitzero"`

	// Quotas are allowances by the calendar; each takes a request's cost. Their names
	// differ.
	Quotas []quota.Quota `json:"quotas,omitzero"`

	// Routes are throttles that replace Throttle on one route, each with a bucket of its
	// own, by the route's name (see Route): the pattern that the mux has, without its host
	// but with its method, so that "/pets" is not "GET /pets". A name that no pattern has
	// does nothing; the middleware's Logger is warned of it. AnyRoute is every route that
	// has none. Quotas count on every route all the same.
	Routes map[string]limiter.Limit `json:"routes,omitzero"`

	// StageRoutes are throttles of routes on one API stage, which come before Routes there;
	// AnyRoute is every route of the stage that has none.
	StageRoutes map[Stage]map[string]limiter.Limit `json:"stageRoutes,omitzero"`

	// Stages are the API stages that the plan is for; none: all of them, where no plan of
	// the key names the stage, unless the plan is Detached. Where several plans of the key
	// are for all stages, the one with the oldest link counts.
	Stages []Stage `json:"stages,omitzero"`

	// Detached is that the plan counts on no stage at all, as one of Amazon API Gateway
	// whose stages were all taken away. It has no Stages then.
	Detached bool `json:"detached,omitzero"`

	// ProductCode is that of AWS Marketplace; Tags are for people and their tools. Neither
	// means anything here.
	ProductCode string      `json:"productCode,omitzero"`
	Tags        apikey.Tags `json:"tags,omitzero"`

	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`

	// Version grows with every update; it belongs to the store.
	Version int64 `json:"version,omitzero"`
}

// UnmarshalJSON decodes an object. A member that Plan does not have, one that is there
// twice, and null are errors, since a limit with a typing error would be no limit. Fields
// that the object does not name stay as they are. Errors wrap ErrInvalid. Limits are
// checked by their own text forms, and all else by Validate.
//
// A struct that embeds a Plan decodes as a Plan alone. Make the Plan a named field there.
func (p *Plan) UnmarshalJSON(text []byte) error {
	type fields Plan
	if err := strict.Unmarshal(text, (*fields)(p)); err != nil {
		return fmt.Errorf("%w plan: %w", ErrInvalid, err)
	}
	return nil
}

// Validate reports every fault of p at once; the error wraps ErrInvalid. An empty ID is
// none: Service.Create gives one.
func (p *Plan) Validate() error {
	var errs []error
	if p.ID != "" && (len(p.ID) > maxID || strings.ContainsFunc(p.ID, notOfID)) {
		errs = append(errs, fmt.Errorf("id: %.40q: want 1 to %d ASCII letters, digits, '_' and '-'", p.ID, maxID))
	}
	errs = append(errs, text("name", p.Name, MaxName), text("description", p.Description, MaxDescription))
	errs = append(errs, limits(p.Throttle, p.Quotas)...)
	errs = append(errs, routes("routes", bucketname.RoutePrefix, p.Routes)...)
	errs = append(errs, stageRoutes(p.StageRoutes)...)
	errs = append(errs, fault.In("", p.Tags.Validate()), text("productCode", p.ProductCode, MaxName))
	errs = append(errs, stages(p.Stages)...)
	if n := len(p.Stages); p.Detached && n > 0 {
		errs = append(errs, fmt.Errorf("detached: true with %d stages: want none of them", n))
	}
	return invalid("plan", errs)
}

// notOfID is the rule of apikey.Key.ID: nothing that parts an id from what comes before
// and after it, in a subject or a URL.
func notOfID(c rune) bool {
	return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-'
}

// everywhere says whether the plan is for every stage that no plan of the key names.
func (p *Plan) everywhere() bool { return len(p.Stages) == 0 && !p.Detached }

// limits is the faults of what a plan or a link says.
func limits(throttle *limiter.Limit, quotas []quota.Quota) (errs []error) {
	if throttle != nil {
		errs = append(errs, fault.In("throttle", throttle.Validate()))
	}
	if n := len(quotas); n > MaxQuotas {
		errs = append(errs, fmt.Errorf("quotas: %d of them: want at most %d", n, MaxQuotas))
	}
	seen := map[string]bool{bucketname.Throttle: true, quota.RecordName: true}
	const record = quota.RecordName + "/" // and a key's id, where a subject has several
	for i, q := range quotas {
		errs = append(errs, fault.In(fmt.Sprintf("quotas[%d]", i), q.Validate()))
		name := nameOf(q)
		if seen[name] || strings.HasPrefix(name, record) || strings.HasPrefix(name, bucketname.RoutePrefix) {
			errs = append(errs, fmt.Errorf("quotas[%d].name: %.100q: want one of its own (%q, %q and all that begins with %q or %q are taken)", i,
				name, bucketname.Throttle, quota.RecordName, record, bucketname.RoutePrefix))
		}
		seen[name] = name != ""
	}
	return errs
}

// nameOf is a quota's name, "" if it has none of its own and no period to take one from.
func nameOf(q quota.Quota) string {
	if _, err := q.Period.MarshalText(); q.Name == "" && err != nil {
		return ""
	}
	return q.Meter(time.Unix(0, 0), 0).Name
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

func invalid(what string, errs []error) error { return fault.Report(ErrInvalid, what, errs...) }
