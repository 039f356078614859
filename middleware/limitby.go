package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// ErrBadRequest is wrapped by the error of a LimitBy's key function about a request that
// lacks what it must have, or has it malformed. It is answered with 400.
var ErrBadRequest = errors.New("middleware: bad request")

// LimitConfig of a LimitBy. The zero LimitConfig is ready for use.
type LimitConfig struct {
	// OmitHeaders leaves the RateLimit fields out. XRateLimit adds the X-RateLimit fields.
	OmitHeaders bool
	XRateLimit  XRateLimit

	// BodyTimeout bounds how long the key function may take to read a request's body. After
	// that, reading it fails. The default is 10s.
	BodyTimeout time.Duration

	// Logger is told at slog.LevelError of failures of the Counter and of the key function,
	// and at slog.LevelDebug of bad requests. The default is that nobody is told.
	Logger *slog.Logger
}

// LimitBy holds requests to a limit by a key of their own, such as ByIP, without API
// keys. It is for routes that everybody may call, and in front of a Middleware against
// floods of requests whose keys are refused.
//
// Above the limit the answer is 429 with Retry-After, and 403 where the limit blocks. The
// RateLimit fields are those of a Middleware, and name the limit as the Limiter's Config
// does; beside those of a Middleware they are one more line. Other answers:
//
//   - 400: the key is empty or longer than store.MaxSubject, or the error of the key
//     function wraps ErrBadRequest.
//   - 401: that error wraps ErrCredential.
//   - 500: the key function failed with any other error.
//   - 503, with Retry-After: 1: the Counter failed, or has no room for another key.
//
// A request is charged once for each key of a limiter, also where the limiter stands in
// its way twice. The Logger is warned of that, once. Different limiters may be stacked.
//
// Give the Limiter a store of its own, not the one that a Gate counts in. Every key that
// comes takes a place there. A flood from many addresses fills a store in memory
// (memory.Config.MaxSubjects), and a full store refuses all subjects that are new: over a
// store that is shared, customers who pay get 503 because of clients that nobody knows.
// In a store of its own the flood can only refuse other keys of this LimitBy. In Redis,
// let it be another server or database with a bound on its memory.
//
// The error reports every fault at once and wraps ErrInvalid.
func LimitBy(l *limiter.Limiter, key func(*http.Request) (string, error), cfg LimitConfig) (func(http.Handler) http.Handler, error) {
	errs := []error{
		nilcheck.Required("limiter", l, "a limiter.Limiter"), nilcheck.Required("key", key, "a function, such as ByIP()"),
		cfg.XRateLimit.fault(),
	}
	if cfg.BodyTimeout < 0 {
		errs = append(errs, fmt.Errorf("bodyTimeout: %v: want 0 or more", cfg.BodyTimeout))
	}
	if err := fault.Report(ErrInvalid, "limit", errs...); err != nil {
		return nil, err
	}
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, bodyTimeout)
	b := &limitBy{LimitConfig: cfg, limiter: l, key: key}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			pass := newPassed(b, r)
			if p := b.check(w, r, pass); p != nil {
				refusal.Unread(w, r)
				refusal.NoStore(w.Header())
				p.write(w)
				return
			}
			pass.serve(next, w, r)
		})
	}, nil
}

type limitBy struct {
	LimitConfig
	limiter *limiter.Limiter
	key     func(*http.Request) (string, error)
	shown   atomic.Pointer[shownLimit] // the latest
	twice   atomic.Bool                // warned of
}

// check returns nil if r may go on, else the answer, whose other fields are in w's
// header.
func (b *limitBy) check(w http.ResponseWriter, r *http.Request, pass *passed) *problem {
	k, err := b.keyOf(w, r)
	switch {
	case errors.Is(err, ErrCredential):
		b.log(r.Context(), slog.LevelDebug, "ration: credential", err)
		w.Header().Set("WWW-Authenticate", `Bearer realm="api"`)
		return newProblem(http.StatusUnauthorized, "A valid credential is required.")
	case errors.Is(err, ErrBadRequest):
		b.log(r.Context(), slog.LevelDebug, "ration: key of a limit", err)
		return newProblem(http.StatusBadRequest, "The request does not say who makes it.")
	case err != nil:
		b.log(r.Context(), slog.LevelError, "ration: key of a limit failed", err)
		return newProblem(http.StatusInternalServerError, "The service could not tell who makes the request.")
	}
	if pass.mark.before(k) {
		pass.again = true
		b.warnOfTwice(r.Context())
		return nil
	}
	if pass.res, err = b.limiter.Allow(r.Context(), k); err != nil {
		b.log(r.Context(), slog.LevelError, "ration: limit failed", err)
		w.Header().Set("Retry-After", "1")
		return newProblem(http.StatusServiceUnavailable, "The limit could not be checked.")
	}
	b.writeHeaders(w.Header(), &pass.res)
	return b.refusal(w.Header(), &pass.res)
}

// keyOf asks the key function. A key that no limit can be held by is the client's fault:
// it is made of what the request says.
func (b *limitBy) keyOf(w http.ResponseWriter, r *http.Request) (string, error) {
	defer refusal.Within(w, r, b.BodyTimeout)()
	k, err := b.key(r)
	if err == nil && (k == "" || len(k) > store.MaxSubject) {
		err = fmt.Errorf("%w: key of a limit: %d bytes: want 1 to %d", ErrBadRequest, len(k), store.MaxSubject)
	}
	return k, err
}

// refusal returns the answer to a request that the limit does not admit, else nil.
func (b *limitBy) refusal(h http.Header, res *limiter.Result) *problem {
	switch {
	case res.Allowed:
		return nil
	case res.RetryAfter == store.Never:
		p := newProblem(http.StatusForbidden, "This is blocked.")
		p.Violated = []string{b.limiter.Name()}
		return p
	}
	wait := seconds(res.RetryAfter)
	h.Set("Retry-After", strconv.FormatInt(wait, 10))
	return &problem{Type: quotaExceeded, Title: "Quota exceeded", Status: http.StatusTooManyRequests,
		Detail: fmt.Sprintf("The limit is reached. Try again in %d s.", wait), Violated: []string{b.limiter.Name()}}
}

// warnOfTwice warns once that the limiter stands in the way of a request twice: the inner
// one has no effect, which is a mistake in the set-up.
func (b *limitBy) warnOfTwice(ctx context.Context) {
	if b.Logger != nil && !b.twice.Swap(true) {
		b.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: a request comes through LimitBy with the same limiter and key twice: "+
			"it is charged once, by the outer one; remove one of them", slog.String("limit", b.limiter.Name()))
	}
}

// log tells the Logger, but not of a client that has gone.
func (b *limitBy) log(ctx context.Context, level slog.Level, message string, err error) {
	if b.Logger == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	if errors.Is(err, store.ErrFull) {
		message += ": its store is full; a limit of unknown clients wants a store of its own"
	}
	b.Logger.LogAttrs(ctx, level, message, slog.String("limit", b.limiter.Name()), slog.Any("error", err))
}
