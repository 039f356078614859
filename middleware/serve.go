package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/ration-go/ration/internal/refusal"
)

// bodyTimeout is the default of Config.BodyTimeout.
const bodyTimeout = 10 * time.Second

// exchange is a Result and the writer that goes with it, in one allocation. The Result
// does not hold the writer: printing the Result would show the request, and the
// credential in it.
type exchange struct {
	Result
	writer streaming // of the next handler, or of Refuse
}

// refusing is the Result of a request that Refuse answers.
type refusing struct{ *Result }

// checkWithin is check for a request with a body that the functions of the Config may read.
// It bounds the time for that, since the sender of the body is not known yet.
func (m *Middleware) checkWithin(w http.ResponseWriter, r *http.Request, mux *http.ServeMux, res *Result, found *Credential) {
	defer refusal.Within(w, r, m.cfg.BodyTimeout)()
	m.check(r, mux, res, found)
}

// refuse answers a request that is refused. The answer does not wait for the body, and no
// cache keeps it, unless Config.Refuse says so.
func (m *Middleware) refuse(w http.ResponseWriter, r *http.Request, x *exchange) {
	if refusal.HasBody(r) {
		defer refusal.Within(w, r, m.cfg.BodyTimeout)()
		w = x.writer.over(w, refusing{&x.Result})
	}
	refusal.NoStore(w.Header())
	m.cfg.Refuse(w, r, &x.Result)
}

// record returns the writer of the next handler: w itself if nobody needs to know what is
// written to it.
func (m *Middleware) record(w http.ResponseWriter, r *http.Request, found *Credential, x *exchange) http.ResponseWriter {
	if m.cfg.Refund == nil && m.cfg.OmitHeaders && m.cfg.XRateLimit == XRateLimitOff {
		return w
	}
	x.writer.authorization = found.Header == authorization || !found.unauthorized && len(r.Header[authorization]) > 0
	return x.writer.over(w, &x.Result)
}

// serve calls next with inner, which is outer or a copy of it. A panic goes on through
// it.
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

// serveRefunding calls next, and gives the charge back if the refund rule says so.
func (m *Middleware) serveRefunding(next http.Handler, w http.ResponseWriter, r *http.Request, x *exchange) {
	status := http.StatusInternalServerError // unless next returns
	defer func() { m.settle(r.Context(), status, &x.Result) }()
	next.ServeHTTP(w, r)
	status = x.writer.end(r.Context())
}

// settle gives the charge back if the refund rule says so and the client is still there.
func (m *Middleware) settle(ctx context.Context, status int, res *Result) {
	if gone := ctx.Err() == context.Canceled; !gone && m.cfg.Refund(status) {
		m.log(context.WithoutCancel(ctx), "refund", m.gate.Refund(ctx, &res.Decision), &res.Decision)
	}
}

// reveal does for outer what net/http would have done had the next handler not been given
// a copy. Metrics and traces outside read the pattern that a ServeMux inside has found,
// and forms that a handler has parsed. The files of an upload that the handler has parsed
// are removed: the server does so for the request that it made, and knows nothing of a
// copy.
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
