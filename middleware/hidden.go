package middleware

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// maxSeen bounds the patterns of requests that one nameSet remembers, since Config.Route
// may make up any number of them.
const maxSeen = 512

// hiddenNames are the names of a nameSet that one pattern of the router hides: a request
// that a name matches is taken by the pattern, although the name is the better match.
type hiddenNames struct {
	mux      nameMux
	prefixes []string // of the names' paths; comparing those is cheaper than asking the mux
}

// hiddenFor returns the name that r has by its method and path, if pattern hides that
// name. Otherwise it returns "".
func (n *nameSet) hiddenFor(r *http.Request, pattern string) string {
	h, ok := n.hidden.get(pattern)
	if !ok && !n.hidden.full(maxSeen) {
		h = n.hiddenBy(r, pattern)
		n.hidden.put(pattern, h, maxSeen)
	}
	if h == nil || !slices.ContainsFunc(h.prefixes, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
		return ""
	}
	return h.mux.nameFor(r)
}

// hiddenBy returns the names that the pattern of r hides, or nil if it hides none.
func (n *nameSet) hiddenBy(r *http.Request, pattern string) *hiddenNames {
	taken, ok := muxPatternOf(pattern, n.exact)
	if _, named := n.patterns[pattern]; named || pattern != "" && !ok {
		return nil
	}
	var router nameMux
	if pattern != "" {
		router.add(taken, pattern)
	}

	// Without a pattern, all names are hidden. So they are by a pattern that does not match
	// its own request, as behind http.StripPrefix: it says nothing about the path.
	all := router.nameFor(r) == ""

	h := new(hiddenNames)
	for name, p := range n.patterns {
		if (all || p.within(&router, taken.method) && n.outranks(p, taken)) && h.mux.add(p, name) {
			h.prefixes = append(h.prefixes, p.prefix())
		}
	}
	if len(h.prefixes) == 0 {
		return nil
	}
	// Without this entry, the mux would look for other methods after each request without a
	// name, so as to answer 405.
	h.mux.add(muxPattern{path: "/"}, "")
	return h
}

// within reports whether the router matches all requests that p matches.
func (p muxPattern) within(router *nameMux, method string) bool {
	samples := p.samples(cmp.Or(p.method, method, http.MethodGet))
	for _, r := range samples {
		if router.nameFor(r) == "" {
			return false
		}
	}
	return len(samples) > 0
}

// outranks reports whether a router that has both patterns gives a request that both
// match to named, and not to taken.
func (n *nameSet) outranks(named, taken muxPattern) bool {
	if n.exact && taken.host == named.host && taken.path == named.path {
		return true // such a router writes the method in every pattern or in none
	}
	var both nameMux
	both.add(taken, "taken")
	if !both.add(named, "named") {
		return !n.exact // the patterns conflict in a ServeMux, but another router may have both
	}
	return both.nameFor(named.samples(cmp.Or(named.method, taken.method, http.MethodGet))[0]) == "named"
}
