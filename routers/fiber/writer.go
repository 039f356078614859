package rationfiber

import (
	"maps"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v3"
)

// A writer is the http.ResponseWriter of the middleware over the response of fiber. Its
// header is a copy of that of the response: flushHeader and readHeader bring one in line
// with the other. Handlers of fiber write to the response itself.
type writer struct {
	c      fiber.Ctx
	header http.Header
	known  http.Header // the header as it is in the response
}

func newWriter(c fiber.Ctx) *writer {
	w := &writer{c: c}
	w.readHeader()
	return w
}

// readHeader makes the header that of the response.
func (w *writer) readHeader() {
	w.known = http.Header{}
	for name, value := range w.c.Response().Header.All() {
		w.known.Add(string(name), string(value))
	}
	w.header = maps.Clone(w.known)
}

// flushHeader changes the header of the response as that of w was changed.
func (w *writer) flushHeader() {
	h := &w.c.Response().Header
	for name := range w.known {
		if _, kept := w.header[name]; !kept {
			h.Del(name)
		}
	}
	for name, values := range w.header {
		if slices.Equal(values, w.known[name]) {
			continue
		}
		h.Del(name)
		for _, value := range values {
			h.Add(name, value)
		}
	}
	w.known = maps.Clone(w.header)
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.flushHeader()
		w.c.Response().SetStatusCode(status)
	}
}

// Write adds to the body of a refusal.
func (w *writer) Write(p []byte) (int, error) {
	w.c.Response().AppendBody(p)
	return len(p), nil
}
