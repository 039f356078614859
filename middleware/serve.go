package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/ration-go/ration/internal/refusal"
)

// bodyTimeout is the default of Config.BodyTimeout.
const bodyTimeout = 10 * time.Second

// exchange holds a Result, and what goes with it, in one allocation. The Result does not
// hold the rest, because printing the Result would then show the request and its
// credential.
type exchange struct {
	Result
	ctx     deciding     // of the next handler
	writer  streaming    // of the next handler, or of Refuse
	request http.Request // of the next handler
}

// copyOf returns the copy of r that the next handler gets. It is in the exchange: an
// allocation of its own took 1 to 6 % of a request. The compiler inlines WithContext, so
// its result is not allocated.
func (x *exchange) copyOf(r *http.Request) *http.Request {
	x.request = *r.WithContext(&x.ctx)
	return &x.request
}

// refusing is the Result of a request that Config.Refuse answers.
type refusing struct{ *Result }

// handle passes r on to next if it is admitted, and refuses it otherwise.
func (m *Middleware) handle(w http.ResponseWriter, r *http.Request, mux knownMux, next http.Handler) {
	x := new(exchange)
	var found Credential
	if m.mayRead && refusal.HasBody(r) {
		m.checkWithin(w, r, mux, &x.Result, &found)
	} else {
		m.check(r, mux, &x.Result, &found)
	}
	switch {
	case !x.Allowed():
		m.refuse(w, r, x)
	case x.Skipped:
		inner := r
		if m.cfg.StripCredential {
			inner = m.stripAll(r)
		}
		m.serve(next, w, inner, r, x)
	default:
		x.WriteHeaders(w.Header())
		x.ctx = deciding{m.keepRoute(r.Context(), &mux), &x.Result, targetOf(r)}
		inner := x.copyOf(r)
		if m.cfg.StripCredential {
			found.place().strip(inner)
			x.ctx.target.strip(inner)
		}
		m.serve(next, m.record(w, r, &found, x), inner, r, x)
	}
}

// checkWithin is check for a request with a body that the functions of the Config may
// read. It bounds the time for that, since the sender of the body is not known yet.
func (m *Middleware) checkWithin(w http.ResponseWriter, r *http.Request, mux knownMux, res *Result, found *Credential) {
	defer refusal.Within(w, r, m.cfg.BodyTimeout)()
	m.check(r, mux, res, found)
}

// refuse answers a refused request. The answer does not wait for the body. No cache keeps
// it, unless Config.Refuse allows that.
func (m *Middleware) refuse(w http.ResponseWriter, r *http.Request, x *exchange) {
	if refusal.HasBody(r) {
		defer refusal.Within(w, r, m.cfg.BodyTimeout)()
		w = x.writer.over(w, refusing{&x.Result})
	}
	refusal.NoStore(w.Header())
	m.cfg.Refuse(w, r, &x.Result)
}

// record returns the writer for the next handler. That is w itself if the middleware need
// not know what is written.
func (m *Middleware) record(w http.ResponseWriter, r *http.Request, found *Credential, x *exchange) http.ResponseWriter {
	if m.cfg.Refund == nil && m.cfg.OmitHeaders && m.cfg.XRateLimit == XRateLimitOff {
		return w
	}
	x.writer.authorization = found.Header == authorization || !found.unauthorized && len(r.Header[authorization]) > 0
	return x.writer.over(w, &x.Result)
}

// serve calls next with inner, which is outer or a copy of it. It does not recover
// panics.
func (m *Middleware) serve(next http.Handler, w http.ResponseWriter, inner, outer *http.Request, x *exchange) {
	if inner != outer {
		x.writer.watchBody(inner, outer)
	}
	defer reveal(inner, outer)
	switch {
	case x.Skipped:
		next.ServeHTTP(w, inner)
	case m.cfg.Refund != nil:
		m.serveRefunding(next, w, inner, x)
	default:
		next.ServeHTTP(w, inner)
		if x.writer.status == 0 && x.writer.fields != nil {
			x.writer.sent(http.StatusOK)
		}
	}
}

// serveRefunding calls next, and refunds the charge if Config.Refund says so.
func (m *Middleware) serveRefunding(next http.Handler, w http.ResponseWriter, r *http.Request, x *exchange) {
	status := http.StatusInternalServerError // in case next panics
	defer func() { m.settle(r.Context(), status, &x.Result) }()
	next.ServeHTTP(w, r)
	status = x.writer.end(r.Context())
}

// settle refunds the charge if Config.Refund says so and the client is still connected.
func (m *Middleware) settle(ctx context.Context, status int, res *Result) {
	if gone := ctx.Err() == context.Canceled; !gone && m.cfg.Refund(status) {
		m.failures.noteRefund(context.WithoutCancel(ctx), m.gate.Refund(ctx, &res.Decision), &res.Decision)
	}
}

// reveal does for outer what net/http would have done if the next handler had got outer
// itself. Outer metrics and traces read the pattern that an inner ServeMux has set, and
// the forms that a handler has parsed. The temporary files of an upload are removed,
// because the server does that only for its own request.
func reveal(inner, outer *http.Request) {
	if inner == outer {
		return
	}
	outer.Pattern = inner.Pattern
	if inner.Form != nil && outer.Form == nil {
		outer.Form, outer.PostForm = inner.Form, inner.PostForm
	}
	if form := inner.MultipartForm; form != nil && form != outer.MultipartForm {
		_ = form.RemoveAll()
	}
}
