package usageplan

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// The bounds of a plan. Those of names and descriptions are the bounds of AWS for API
// keys.
const (
	// MaxLimits is the number of limits that one request can meet: the throttle of the plan
	// or of a route, Throttles, Quotas, and those of one class and one route in For. With
	// the usage records of MaxUnits+1 units, the record of a secret and the ID of a request
	// these are the seventeen meters of a store.Part. The overrides of a link or a group
	// count together with the limits of the plan that they do not replace.
	MaxLimits = 10

	MaxRoutes      = 300     // throttles of single routes
	MaxStages      = 100     // API stages
	MaxName        = 1024    // characters of a name
	MaxDescription = 125_000 // characters of a description
)

// maxID is the most bytes of the ID of a plan and of a group. A subject holds the IDs of
// a group and of a key, and an allowance. It must not exceed store.MaxSubject.
const maxID = 64

// ErrInvalid is wrapped by every error that reports bad input. Nothing was changed then.
var ErrInvalid = errors.New("usageplan: invalid")

// A Plan says how much the keys that are linked to it and the groups that have it may
// use. Each link and each group has its own tokens and counts.
//
// The JSON form of a Plan is stable, so stores may keep it. It holds every valid Plan
// exactly, and nil stays nil. Limits and quotas are texts, such as "5/s" and
// "1000/month", and an invalid one is an error. A Service keeps times in UTC and in whole
// microseconds.
type Plan struct {
	// ID identifies the plan, and never changes. It has 1 to 64 ASCII letters, digits, '_'
	// and '-'. Service.Create accepts an ID or generates one.
	ID string `json:"id"`

	// Name and Description are for people, and need not be unique. They have at most MaxName
	// and MaxDescription characters, and no control characters other than tabs and newlines.
	Name        string `json:"name,omitzero"`
	Description string `json:"description,omitzero"`

	// Throttle is the token bucket of each link and each group. If nil, there is no
	// throttle. A Rate of 0 refuses every request.
	Throttle *limiter.Limit `json:"throttle,omitzero"`

	// Throttles are further token buckets, such as one for a unit that the service has
	// declared. Each counts on every route, beside Throttle or what replaces it. No two have
	// the same name.
	Throttles []Throttle `json:"throttles,omitzero"`

	// Quotas are allowances for calendar periods. Each is charged what a request uses of its
	// Unit. No two have the same name. With Throttles and one throttle there are at most
	// MaxLimits.
	Quotas []quota.Quota `json:"quotas,omitzero"`

	// Alerts are the percentages of every quota of the plan at which package alert tells the
	// service, such as 50, 80 and 100. There are at most MaxAlerts, each 1 to
	// MaxAlertPercent, in ascending order. If nil, the default of package alert counts. If
	// empty but not nil, there are none. They refuse nothing.
	Alerts []int `json:"alerts,omitzero"`

	// For maps a class, or a route, to limits that count for its requests only, beside all
	// other limits. A class is what the service says of a request in gate.Request.Class,
	// such as a model or a feature. It has 1 to 64 ASCII letters, digits and any of "._:@-".
	// A route is as in Routes, in ASCII, and AnyRoute is none. There are at most MaxFor.
	//
	// The name of such a limit begins with the class or the route: "opus tokens/day". It has
	// at most quota.MaxName bytes, and no other limit of the plan has it. Whatever class and
	// route a request has, it must not meet more than MaxLimits. The overrides of links and
	// groups replace no limit in For.
	//
	// Caution: limits of a class that the service never names do nothing. See
	// Config.Classes.
	For map[string]Limits `json:"for,omitzero"`

	// Routes maps a route to a throttle that replaces Throttle there, with a bucket of its
	// own. The key is the canonical name of the route: the pattern of the router without a
	// host, in the syntax of http.ServeMux, such as "GET /pets/{id}". See Route. "/pets" and
	// "GET /pets" are different routes.
	//
	// The key AnyRoute stands for all routes that have no throttle of their own. They share
	// one bucket. Quotas count on every route. There are at most MaxRoutes.
	//
	// Caution: a throttle for a route that the router does not have does nothing. Audit
	// reports it, and the middleware warns its Logger, if the middleware knows the routes:
	// see middleware.Middleware.AddRoutes. Otherwise both see only that a request matches
	// the name and the router has another pattern for it.
	Routes map[string]limiter.Limit `json:"routes,omitzero"`

	// StageRoutes maps an API stage to throttles of routes, which come before Routes on that
	// stage. The key AnyRoute stands for all routes of the stage that have no throttle here.
	StageRoutes map[Stage]map[string]limiter.Limit `json:"stageRoutes,omitzero"`

	// Stages lists the API stages that the plan is for, at most MaxStages. If empty, the
	// plan is for every stage that no plan of the key names, unless Detached is set. If
	// several plans of a key are for every stage, the one with the oldest link counts.
	Stages []Stage `json:"stages,omitzero"`

	// Detached disables the plan on every stage. Amazon API Gateway behaves this way when
	// the last stage of a plan was removed. A detached plan has no Stages.
	Detached bool `json:"detached,omitzero"`

	// ProductCode is a product code of AWS Marketplace. It has no effect in this module.
	ProductCode string `json:"productCode,omitzero"`

	// Tags are for people and their tools.
	Tags apikey.Tags `json:"tags,omitzero"`

	// Created and Updated are the times when the plan was created and last changed.
	Created time.Time `json:"created,omitzero"`
	Updated time.Time `json:"updated,omitzero"`

	// Version is 1 for a new plan, and grows by one with every update. The store sets it.
	Version int64 `json:"version,omitzero"`
}

// UnmarshalJSON decodes an object. An unknown member, a repeated member and null are
// errors, so that a typing error in the name of a limit does not make a plan without that
// limit. Fields that the object does not name keep their values, so a program can decode
// into a plan with its defaults.
//
// UnmarshalJSON checks the text forms of limits and quotas. Validate checks the rest. The
// error wraps ErrInvalid.
//
// Caution: a struct that embeds a Plan inherits this method, and decodes as a Plan alone.
// Make the Plan a named field there.
func (p *Plan) UnmarshalJSON(text []byte) error {
	type fields Plan
	err := decodePlan(text, (*fields)(p))
	return decodeError("plan", p.ID, err)
}

// Validate reports every fault of p at once. The error wraps ErrInvalid. An empty ID is
// valid, because Service.Create generates one.
//
// A Service also checks that the units and the classes are declared.
func (p *Plan) Validate() error { return invalid("plan", p.faults()) }

// faults returns every fault of p that is in p alone.
func (p *Plan) faults() (errs []error) {
	errs = append(errs, idFault("id", p.ID), text("name", p.Name, MaxName), text("description", p.Description, MaxDescription))
	errs = append(errs, limitFaults(p.Throttle, p.Throttles, p.Quotas)...)
	errs = append(errs, alertFaults(p.Alerts)...)
	errs = append(errs, forFaults(p.For)...)
	errs = append(errs, combinationFaults(p.Throttles, p.Quotas, p.For)...)
	errs = append(errs, routes("routes", metername.RoutePrefix, p.Routes)...)
	errs = append(errs, stageRoutes(p.StageRoutes)...)
	errs = append(errs, fault.In("", p.Tags.Validate()), text("productCode", p.ProductCode, MaxName))
	errs = append(errs, stages(p.Stages)...)
	if n := len(p.Stages); p.Detached && n > 0 {
		errs = append(errs, fmt.Errorf("detached: true with %d stages: want no stages", n))
	}
	return errs
}

// idFault returns the fault of an ID, or nil. An empty ID has none.
func idFault(field, id string) error {
	if len(id) > maxID || strings.ContainsFunc(id, notInID) {
		return fmt.Errorf("%s: %.40q: want 1 to %d ASCII letters, digits, '_' and '-'", field, id, maxID)
	}
	return nil
}

// notInID reports whether an ID must not have c. The rule is that of apikey.Key.ID. It
// excludes every character that separates an ID from others in a subject or a URL.
func notInID(c rune) bool {
	return (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-'
}

// everywhere reports whether p is for every stage that no plan of the key names.
func (p *Plan) everywhere() bool { return len(p.Stages) == 0 && !p.Detached }

// text returns the fault of a text for people, or nil. It allows the tabs and newlines of
// a description.
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

// invalid returns the faults of a plan, a link or a group as one error, or nil if there
// are none.
func invalid(what string, errs []error) error { return fault.Report(ErrInvalid, what, errs...) }
