package middleware

import "net/http"

// A nameMux tells for which of its names a request is. It serves nothing: a ServeMux
// matches the request, and the handler that it finds is the name.
type nameMux struct{ mux http.ServeMux }

// nameHandler is the handler of a name.
type nameHandler string

func (nameHandler) ServeHTTP(http.ResponseWriter, *http.Request) {}

// add adds a name for the requests that p matches. It reports whether it could: a
// ServeMux panics if two of its patterns conflict.
func (m *nameMux) add(p muxPattern, name string) (ok bool) {
	defer func() { ok = recover() == nil }()
	m.mux.Handle(p.String(), nameHandler(name))
	return true
}

// nameFor returns the name for r, or "" if there is none.
func (m *nameMux) nameFor(r *http.Request) string {
	h, _ := m.mux.Handler(r)
	name, _ := h.(nameHandler) // any other handler redirects, or answers 404 or 405
	return string(name)
}
