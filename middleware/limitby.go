package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// ErrBadRequest is wrapped by the error of a LimitBy's key function if the request lacks
// what the function needs, or has it malformed. Such a request is answered with 400.
var ErrBadRequest = errors.New("middleware: bad request")

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
//   - 503, with Retry-After: 1: the Counter failed and LimitConfig.OnFailure refuses, or
//     it has no room for another key.
//
// A request whose key function returns an error that wraps ErrExempt is not counted by
// that limit.
//
// A request is charged once for each key of a limiter, even if it passes through the
// limiter twice. The Logger is warned of that once, and LimitConfig.NoteMistake counts
// it. Different limiters may be stacked.
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
	set, errs := cfg.set(l)
	errs = append(errs, nilcheck.Required("key", key, "a function, such as ByIP()"))
	if err := fault.Report(ErrInvalid, "limit", append(errs, cfg.faults()...)...); err != nil {
		return nil, err
	}
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, bodyTimeout)
	b := &limitBy{LimitConfig: cfg, set: set, failures: newLimitFailures(cfg.Logger)}
	for _, also := range append([]KeyedLimit{{l, key}}, cfg.Also...) {
		b.limits = append(b.limits, &keyedLimit{KeyedLimit: also})
	}
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

// set returns the Set of all limits, or nil if there is only l.
func (cfg *LimitConfig) set(l *limiter.Limiter) (set *limiter.Set, errs []error) {
	all := []*limiter.Limiter{l}
	errs = append(errs, nilcheck.Required("limiter", l, "a limiter.Limiter"))
	for i, also := range cfg.Also {
		all = append(all, also.Limiter)
		errs = append(errs,
			nilcheck.Required(fmt.Sprintf("also[%d].limiter", i), also.Limiter, "a limiter.Limiter"),
			nilcheck.Required(fmt.Sprintf("also[%d].key", i), also.Key, "a function, such as ByIP()"))
	}
	if len(all) > 1 && !slices.Contains(all, nil) {
		var err error
		set, err = limiter.NewSet(all...)
		errs = append(errs, fault.In("also", err))
	}
	return set, errs
}

func (cfg *LimitConfig) faults() (errs []error) {
	errs = append(errs, cfg.XRateLimit.fault())
	if cfg.OnFailure > gate.FailLocal {
		errs = append(errs, fmt.Errorf("onFailure: %v: want FailOpen, FailClosed or FailLocal", cfg.OnFailure))
	}
	if cfg.BodyTimeout < 0 {
		errs = append(errs, fmt.Errorf("bodyTimeout: %v: want 0 or more", cfg.BodyTimeout))
	}
	return errs
}

type limitBy struct {
	LimitConfig
	limits []*keyedLimit
	set    *limiter.Set // of several limits
	twice  atomic.Bool  // warnOfTwice has warned

	failures limitFailures
}

// A keyedLimit is one of the limits of a limitBy.
type keyedLimit struct {
	KeyedLimit
	shown atomic.Pointer[shownLimit] // how the latest limit is shown
	local atomic.Pointer[localLimit] // for gate.FailLocal
}

// check decides r and returns nil if r may go on. Otherwise it returns the body of the
// answer, and has set the other fields of the answer in w's header.
func (b *limitBy) check(w http.ResponseWriter, r *http.Request, pass *passed) *problem {
	for i, l := range b.limits {
		k, err := b.keyOf(w, r, l)
		switch {
		case err == nil:
			pass.add(i, k, r)
		case !errors.Is(err, ErrExempt):
			return b.keyProblem(w.Header(), r, l, err)
		}
	}
	if pass.last == nil { // no limit applies, or all of them have admitted r before
		return nil
	}
	err := pass.charge(r.Context())
	if err != nil {
		b.fail(r.Context(), b.failures.of(err), err)
		pass.decideByPolicy(r.Context(), err)
	} else {
		b.failures.succeed(r.Context())
	}
	pass.conclude()
	if b.Observer != nil {
		b.Observer(r.Context(), pass.decision(err))
	}
	p := pass.refusal(w.Header())
	pass.WriteHeaders(w.Header())
	return p
}

// keyOf returns the key of r for a limit. A key that the store cannot hold is the
// client's fault, since the key is made from the client's request.
func (b *limitBy) keyOf(w http.ResponseWriter, r *http.Request, l *keyedLimit) (string, error) {
	defer refusal.Within(w, r, b.BodyTimeout)()
	k, err := l.Key(r)
	if err == nil && (k == "" || len(k) > store.MaxSubject) {
		err = fmt.Errorf("%w: key of a limit: %d bytes: want 1 to %d", ErrBadRequest, len(k), store.MaxSubject)
	}
	return k, err
}

// keyProblem returns the answer to a request whose key function failed.
func (b *limitBy) keyProblem(h http.Header, r *http.Request, l *keyedLimit, err error) *problem {
	switch {
	case errors.Is(err, ErrCredential):
		b.debug(r.Context(), "ration: the key function of a limit found a bad credential", l, err)
		h.Set("WWW-Authenticate", `Bearer realm="api", error="invalid_token"`)
		return newProblem(http.StatusUnauthorized, "A valid credential is required.")
	case errors.Is(err, ErrBadRequest):
		b.debug(r.Context(), "ration: the key function of a limit found a bad request", l, err)
		return newProblem(http.StatusBadRequest, "The request does not identify its caller.")
	}
	b.fail(r.Context(), &b.failures.function, err)
	return newProblem(http.StatusInternalServerError, "The service failed to determine the caller of the request.")
}

// warnOfTwice warns once that a request passes through a limiter twice, and counts that
// as a Mistake. The inner one has no effect.
func (b *limitBy) warnOfTwice(ctx context.Context, l *keyedLimit) {
	if b.twice.Load() || b.twice.Swap(true) {
		return
	}
	if b.NoteMistake != nil {
		b.NoteMistake(gate.LimitedTwice)
	}
	if b.Logger != nil {
		b.Logger.LogAttrs(ctx, slog.LevelWarn, "ration: a request passes through LimitBy with the same limiter and key twice: "+
			"it is charged once, by the outer one; remove one of them", slog.String("limit", l.Limiter.Name()))
	}
}
