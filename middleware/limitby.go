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

// ErrBadRequest is wrapped by the error of a LimitBy's key function if the request lacks
// what the function needs, or has it malformed. Such a request is answered with 400.
var ErrBadRequest = errors.New("middleware: bad request")

// LimitConfig configures a LimitBy. The zero LimitConfig is ready for use.
type LimitConfig struct {
	// OmitHeaders leaves out the RateLimit fields.
	OmitHeaders bool

	// XRateLimit adds the X-RateLimit fields. The default is XRateLimitOff.
	XRateLimit XRateLimit

	// BodyTimeout bounds how long the key function may read a request's body. After that
	// time, reading the body fails. The default is 10s.
	BodyTimeout time.Duration

	// Logger receives failures of the Counter and of the key function at slog.LevelError,
	// and bad requests at slog.LevelDebug. If nil, nothing is logged.
	Logger *slog.Logger
}

// LimitBy returns middleware that limits requests without API keys. The function key
// returns what a request is counted by, such as its client's address with ByIP. Use
// LimitBy for routes that everybody may call, and in front of a Middleware against floods
// of requests whose keys are refused.
//
// A request above the limit is answered with 429 and Retry-After, or with 403 if the
// limit blocks everything. The RateLimit fields are those of a Middleware. They name the
// limit as the Config of the Limiter does. Beside the fields of a Middleware they are one
// more line. Other answers:
//
//   - 400: the key is empty or longer than store.MaxSubject, or the error of the key
//     function wraps ErrBadRequest.
//   - 401: that error wraps ErrCredential.
//   - 500: the key function failed with any other error.
//   - 503, with Retry-After: 1: the Counter failed, or has no room for another key.
//
// A request is charged once for each key of a limiter, even if it passes through the
// limiter twice. The Logger is warned of that once. Different limiters may be stacked.
//
// Caution: give the Limiter a store of its own, not the one that a Gate counts in. Every
// new key takes a place in the store. A flood from many addresses fills a store in memory
// (memory.Config.MaxSubjects), and a full store refuses all new subjects. If the store is
// shared, paying customers get 503 because of unknown clients. In a store of its own, the
// flood can only refuse other keys of this LimitBy. With Redis, use another server or
// database whose memory is bounded.
//
// The error wraps ErrInvalid and reports every fault at once.
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
	shown   atomic.Pointer[shownLimit] // how the latest limit is shown
	twice   atomic.Bool                // the warning of warnOfTwice was logged
}

// check decides r and returns nil if r may go on. Otherwise it returns the body of the
// answer, and has set the other fields of the answer in w's header.
func (b *limitBy) check(w http.ResponseWriter, r *http.Request, pass *passed) *problem {
	k, err := b.keyOf(w, r)
	switch {
	case errors.Is(err, ErrCredential):
		b.log(r.Context(), slog.LevelDebug, "ration: the key function of a limit found a bad credential", err)
		w.Header().Set("WWW-Authenticate", `Bearer realm="api"`)
		return newProblem(http.StatusUnauthorized, "A valid credential is required.")
	case errors.Is(err, ErrBadRequest):
		b.log(r.Context(), slog.LevelDebug, "ration: the key function of a limit found a bad request", err)
		return newProblem(http.StatusBadRequest, "The request does not identify its caller.")
	case err != nil:
		b.log(r.Context(), slog.LevelError, "ration: the key function of a limit failed", err)
		return newProblem(http.StatusInternalServerError, "The service failed to determine the caller of the request.")
	}
	if pass.mark.before(k, r) {
		pass.again = true
		b.warnOfTwice(r.Context())
		return nil
	}
	if pass.res, err = b.limiter.Allow(r.Context(), k); err != nil {
		b.log(r.Context(), slog.LevelError, "ration: the limit could not be checked", err)
		w.Header().Set("Retry-After", "1")
		return newProblem(http.StatusServiceUnavailable, "The limit could not be checked.")
	}
	b.writeHeaders(w.Header(), &pass.res)
	return b.refusal(w.Header(), &pass.res)
}

// keyOf returns the key of r. A key that the store cannot hold is the client's fault,
// since the key is made from the client's request.
func (b *limitBy) keyOf(w http.ResponseWriter, r *http.Request) (string, error) {
	defer refusal.Within(w, r, b.BodyTimeout)()
	k, err := b.key(r)
	if err == nil && (k == "" || len(k) > store.MaxSubject) {
		err = fmt.Errorf("%w: key of a limit: %d bytes: want 1 to %d", ErrBadRequest, len(k), store.MaxSubject)
	}
	return k, err
}

// refusal returns the answer to a request that the limit refuses, or nil if the limit
// admits the request.
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

// warnOfTwice warns once that a request passes through the limiter twice. The inner one
// has no effect, which is a mistake in the configuration.
func (b *limitBy) warnOfTwice(ctx context.Context) {
	if b.Logger != nil && !b.twice.Swap(true) {
		b.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: a request passes through LimitBy with the same limiter and key twice: "+
			"it is charged once, by the outer one; remove one of them", slog.String("limit", b.limiter.Name()))
	}
}

// log reports an error, except one caused by the client disconnecting.
func (b *limitBy) log(ctx context.Context, level slog.Level, message string, err error) {
	if b.Logger == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	if errors.Is(err, store.ErrFull) {
		message += ": its store is full; give a limit of unknown clients a store of its own"
	}
	b.Logger.LogAttrs(ctx, level, message, slog.String("limit", b.limiter.Name()), slog.Any("error", err))
}
