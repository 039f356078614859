package admin

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/usageplan"
)

// maxForm bounds the body of a form. A description may be longer in the API, and is not
// part of a form.
const maxForm = 64 << 10

// pageTime bounds the work for a page, while a store does not answer.
const pageTime = 10 * time.Second

// policy is the Content-Security-Policy of every answer.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// A page makes the answer to a request.
type page func(*http.Request) (*answer, error)

// An answer is a page to render, or a place to go to.
type answer struct {
	status   int    // the default is 200
	template string // a file in templates, without its extension
	title    string
	data     any
	location string // if not empty, a path below the prefix instead of a page
}

// A problem is a refusal that the person at the page can understand.
type problem struct {
	status int
	text   string
}

// Error implements error.
func (p *problem) Error() string { return p.text }

var errNoPage = &problem{http.StatusNotFound, "There is no such page."}

// actorOf returns the person who sends a request.
func actorOf(ctx context.Context) string { return history.ActorOf(ctx).Name }

// ServeHTTP serves one request. It authenticates the request before anything is read.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if err := h.cross.Check(r); err != nil {
		refusal.Unread(w, r)
		http.Error(w, "This request comes from another site.", http.StatusForbidden)
		return
	}
	actor, ok := h.auth.Authenticate(r)
	if !ok || actor == "" {
		refusal.Unread(w, r)
		h.auth.Challenge(w, r)
		return
	}
	r = r.WithContext(history.WithActor(r.Context(), history.Actor{Kind: history.ActorPage, Name: actor}))
	rest, ok := h.below(r.URL.Path)
	if !ok {
		h.serve(w, r, func(*http.Request) (*answer, error) { return nil, errNoPage })
		return
	}
	r.URL = &url.URL{Path: rest, RawQuery: r.URL.RawQuery}
	if r.Method == http.MethodPost && !h.readForm(w, r, actor) {
		return
	}
	h.mux.ServeHTTP(w, r)
}

// below returns the part of a path below the prefix, which begins with a slash. It
// reports false for any other path, and for an unclean one, which ServeMux would redirect
// without the prefix.
func (h *Handler) below(name string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, h.prefix)
	if rest == "" {
		rest = "/"
	}
	clean := path.Clean(name) == name || path.Clean(name)+"/" == name
	return rest, ok && rest[0] == '/' && clean
}

// secure sets the header fields of every answer.
func secure(header http.Header) {
	refusal.NoStore(header)
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	// With "no-referrer" the Origin of a form would be "null". Browsers that send no
	// Sec-Fetch-Site, as without TLS, could then send no form.
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// readForm reads a form and checks its token. Otherwise it answers the request.
func (h *Handler) readForm(w http.ResponseWriter, r *http.Request, actor string) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var p *problem
	err := r.ParseForm()
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case large:
		p = &problem{http.StatusRequestEntityTooLarge, "The form is too large."}
	case err != nil:
		p = &problem{http.StatusBadRequest, "The form cannot be read."}
	case !h.tokens.check(r.PostForm.Get(tokenField), actor, time.Now()):
		p = &problem{http.StatusForbidden, "This form is out of date, and nothing was changed. Go back, load the page again, and send the form once more."}
	default:
		return true
	}
	h.serve(w, r, func(*http.Request) (*answer, error) { return nil, p })
	return false
}

// handle serves a page, which must be ready within a time.
func (h *Handler) handle(pattern string, within time.Duration, p page) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), within)
		defer cancel()
		h.serve(w, r.WithContext(ctx), p)
	})
}

// serve makes a page and sends it. The page is complete before the first byte, so an
// error is an answer of its own.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, p page) {
	a, err := p(r)
	if err != nil {
		a = h.failed(r, err)
	} else if a.status < http.StatusInternalServerError {
		h.outage.Succeed(r.Context())
	}
	if a.location != "" {
		http.Redirect(w, r, h.prefix+a.location, http.StatusSeeOther)
		return
	}
	var body bytes.Buffer
	if err := h.render(&body, r, a); err != nil {
		h.logBroken(r, err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(max(a.status, http.StatusOK))
	_, _ = w.Write(body.Bytes())
}

// failed returns the page for an error. Errors of the stores are logged and not shown,
// since they may name addresses.
func (h *Handler) failed(r *http.Request, err error) *answer {
	p, known := errors.AsType[*problem](err)
	switch {
	case known:
	case errors.Is(err, apikey.ErrNotFound), errors.Is(err, usageplan.ErrNotFound):
		p = &problem{http.StatusNotFound, "There is no such key, plan or group. It may have been deleted."}
	case errors.Is(err, apikey.ErrConflict), errors.Is(err, usageplan.ErrConflict):
		p = &problem{http.StatusConflict, "Others have changed it at the same time, and nothing was changed here. Load the page again."}
	case errors.Is(err, apikey.ErrInvalid), errors.Is(err, usageplan.ErrInvalid), errors.Is(err, gate.ErrInvalid), errors.Is(err, history.ErrInvalid):
		p = &problem{http.StatusBadRequest, "The address has a part that does not fit: " + err.Error() + "."}
	default:
		h.fail(r, err)
		p = &problem{http.StatusServiceUnavailable, "The store does not answer as it should. The log of the service says more. What you sent may have been carried out."}
	}
	return &answer{status: p.status, template: "problem", title: http.StatusText(p.status), data: p.text}
}

// logBroken logs that a page cannot be rendered, which is a mistake in this package.
func (h *Handler) logBroken(r *http.Request, err error) {
	if h.cfg.Logger != nil {
		h.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "ration: a page cannot be rendered", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
}

// fail notes that the stores fail. The log has the beginning and the end of an outage,
// and no line for each page. It also has none for a person who did not wait.
func (h *Handler) fail(r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		return
	}
	h.outage.Fail(r.Context(), err, slog.String("method", r.Method), slog.String("path", r.URL.Path))
	h.outage.Affect()
}

// newOutage returns the log of the stores that fail.
func newOutage(logger *slog.Logger) outage.Log {
	return outage.Log{
		Logger:   logger,
		Level:    slog.LevelError,
		Begins:   "ration: the admin page cannot read or change its stores",
		Ends:     "ration: the admin page reads and changes its stores again",
		Affected: "requests",
	}
}
