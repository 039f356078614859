package middleware

import (
	"cmp"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ration-go/ration/usageplan"
)

// A nameSet holds the names that a field of the Config lists, or the routes that a plan
// limits.
type nameSet struct {
	version  int64                 // of the plan
	patterns map[string]muxPattern // by name
	exact    bool                  // see muxPatternOf
	routes   bool                  // the names are routes of a plan, which have no host
	field    string                // of the Config; empty for routes of a plan

	warned  *sync.Map             // names that the Logger was warned of
	checked atomic.Bool           // the names were compared with the known muxes
	hidden  readMap[*hiddenNames] // by a request's pattern; nil if it hides none
}

// newNameSet leaves out names that have no muxPattern: nothing is known about them.
func newNameSet(names []string, exact bool, warned *sync.Map) *nameSet {
	n := &nameSet{patterns: map[string]muxPattern{}, exact: exact, warned: warned}
	for _, name := range names {
		if p, ok := muxPatternOf(name, exact); ok {
			n.patterns[name] = p
		}
	}
	return n
}

// routesOf returns the routes that a plan has limits for on a stage. A key of Plan.For
// without a slash is a class.
func routesOf(p *usageplan.Plan, stage usageplan.Stage) (list []string) {
	for name := range p.Routes {
		list = append(list, name)
	}
	for name := range p.StageRoutes[stage] {
		list = append(list, name)
	}
	for name := range p.For {
		if strings.Contains(name, "/") {
			list = append(list, name)
		}
	}
	return list
}

// servedBy reports whether a mux serves a name. If not, it returns the pattern that the
// mux has instead.
func (n *nameSet) servedBy(mux *http.ServeMux, name, host string) (served bool, instead string) {
	p := n.patterns[name]
	for _, r := range p.samples(cmp.Or(p.method, "SAMPLE")) {
		if n.routes {
			r.Host = host
		}
		_, pattern := mux.Handler(r)
		if pattern == name || n.routes && nameOf(pattern) == name {
			return true, ""
		}
		instead = cmp.Or(instead, pattern)
	}
	return false, instead
}
