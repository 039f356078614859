package middleware

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ration-go/ration/usageplan"
)

// maxSeen bounds the patterns that are remembered of requests for one list of names: a
// Config.Route may make up any number of them.
const maxSeen = 512

// names is the patterns that Public or a plan names. It finds those that have no effect:
// a request is for such a pattern by its method and path, and the router has taken it for
// another one.
type names struct {
	version int64 // of the plan
	forms   map[string]form
	exact   bool // see formOf
	routes  bool // of a plan, which names no hosts

	told    *sync.Map     // names that were warned of
	checked atomic.Bool   // against the muxes that are known
	seen    book[*hiding] // by a request's pattern, the names that it hides; nil: none
}

func newNames(list []string, exact bool, told *sync.Map) *names {
	n := &names{forms: map[string]form{}, exact: exact, told: told}
	for _, name := range list {
		if f, ok := formOf(name, exact); ok {
			n.forms[name] = f
		}
	}
	return n
}

// routesOf returns the routes that a plan names on a stage.
func routesOf(p *usageplan.Plan, stage usageplan.Stage) (list []string) {
	for name := range p.Routes {
		list = append(list, name)
	}
	for name := range p.StageRoutes[stage] {
		list = append(list, name)
	}
	return list
}

// name is the handler of a name in a mux that only tells which name a request is for.
type name string

func (name) ServeHTTP(http.ResponseWriter, *http.Request) {}

// nameFor returns the name that a request is for in such a mux; empty: none.
func nameFor(mux *http.ServeMux, r *http.Request) string {
	h, _ := mux.Handler(r)
	n, _ := h.(name) // else it is a redirect, or not found
	return string(n)
}

// hiding is the names that one pattern hides.
type hiding struct {
	mux      *http.ServeMux
	prefixes []string // of their paths: a look at those costs less than one in the mux
}

// hidden returns the name that r is for by its method and path, if the router should not
// have taken r for the pattern that was seen; else nothing.
func (n *names) hidden(r *http.Request, pattern string) string {
	h, ok := n.seen.get(pattern)
	if !ok && !n.seen.full(maxSeen) {
		h = n.hiddenBy(r, pattern)
		n.seen.put(pattern, h, maxSeen)
	}
	if h == nil || !slices.ContainsFunc(h.prefixes, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
		return ""
	}
	return nameFor(h.mux, r)
}

// hiddenBy returns the names that a pattern hides; nil if there is none.
func (n *names) hiddenBy(r *http.Request, pattern string) *hiding {
	f, ok := formOf(pattern, n.exact)
	if _, named := n.forms[pattern]; named || pattern != "" && !ok {
		return nil
	}
	seen := http.NewServeMux()
	if pattern != "" {
		register(seen, f, pattern)
	}
	// A pattern that is not for the path of its own request, as behind http.StripPrefix,
	// says nothing of that path, so it hides all names. So does no pattern.
	all := nameFor(seen, r) == ""
	h := &hiding{mux: http.NewServeMux()}
	for text, form := range n.forms {
		if (all || form.within(seen, f.method) && n.hides(f, form)) && register(h.mux, form, text) {
			h.prefixes = append(h.prefixes, form.prefix())
		}
	}
	if len(h.prefixes) == 0 {
		return nil
	}
	register(h.mux, form{path: "/"}, "") // else the mux looks for other methods of what it has not
	return h
}

// within reports whether a mux has a pattern for all that f is for.
func (f form) within(mux *http.ServeMux, method string) bool {
	samples := f.samples(cmp.Or(f.method, method, http.MethodGet))
	for _, r := range samples {
		if nameFor(mux, r) == "" {
			return false
		}
	}
	return len(samples) > 0
}

// hides reports whether a router that has both forms would not have taken a request that
// is for both of them for the one that was seen.
func (n *names) hides(seen, named form) bool {
	if n.exact && seen.host == named.host && seen.path == named.path {
		return true // such routers name every route with its method, or none
	}
	mux := http.NewServeMux()
	register(mux, seen, "seen")
	if !register(mux, named, "named") { // no ServeMux can have both; other routers can
		return !n.exact
	}
	return nameFor(mux, named.samples(cmp.Or(named.method, seen.method, http.MethodGet))[0]) == "named"
}

// register reports whether the mux takes the pattern beside those that it has.
func register(mux *http.ServeMux, f form, text string) (ok bool) {
	defer func() { ok = recover() == nil }()
	mux.Handle(f.pattern(), name(text))
	return true
}

// in reports whether a mux has a name, and else the pattern that it has instead.
func (n *names) in(mux *http.ServeMux, text, host string) (has bool, instead string) {
	f := n.forms[text]
	for _, r := range f.samples(cmp.Or(f.method, "SAMPLE")) {
		if n.routes {
			r.Host = host
		}
		_, pattern := mux.Handler(r)
		if pattern == text || n.routes && nameOf(pattern) == text {
			return true, ""
		}
		instead = cmp.Or(instead, pattern)
	}
	return false, instead
}
