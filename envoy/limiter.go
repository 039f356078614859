package envoy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// LimiterConfig configures a Limiter. The zero LimiterConfig is ready for use.
type LimiterConfig struct {
	// Names are the names of the entries that a descriptor may have.
	Names DescriptorNames

	// Domains are the domains of Envoy's configuration that are served, each with the API
	// stage of its requests, which may be zero. A request of another domain is refused. If
	// nil, every domain is served, without an API stage.
	Domains map[string]usageplan.Stage

	// HitsUnit is the unit of gate.Config.Units that hits_addend counts. Beside it every
	// request uses one of usageplan.Requests. hits_addend is 1 if Envoy does not send it.
	// If a descriptor has a hits_addend of 0, the request is admitted if a hit fits, and is
	// charged no hit.
	//
	// If HitsUnit is empty, hits_addend counts requests. It must be 1, or 0 for a request
	// that is only checked. With any other number the request is refused.
	HitsUnit string

	// Answers writes the header fields and the bodies of answers. The default is a
	// Middleware with the zero middleware.Config.
	//
	// Its Guesses bound the look-ups of refused secrets, by the address of the client. So a
	// descriptor with a secret should have the entry remote_address. Without one, the
	// look-ups are not bounded, which is counted as gate.NoGuessLimit.
	//
	// Caution: while an address is over the bound, a late descriptor from there is refused,
	// too, if this process has not seen its key yet. Its hits are then not charged.
	//
	// Envoy sends one status for all refusals, by default 429. The member "status" of the
	// body has the status that package middleware would have sent.
	Answers *middleware.Middleware

	// InsecureAllowUnknown admits a descriptor that names no key, and does not count it. By
	// default it is refused, so that a misspelt name does not open the limits.
	InsecureAllowUnknown bool

	// ReportFailures answers with an error of the call instead of a refusal if a store has
	// failed and the Gate refuses for that. Then Envoy decides, by failure_mode_deny.
	//
	// Caution: Envoy admits such requests by default.
	ReportFailures bool

	// Logger receives warnings about descriptors that name no key, once for each
	// combination of names, and errors about decisions that failed: the beginning and the
	// end of an outage. If nil, nothing is logged.
	Logger *slog.Logger
}

// A Limiter decides requests for Envoy's rate limit service. Use NewLimiter to make one.
// It is safe for concurrent use.
//
// A descriptor that names a key is decided as one request. If a call has several, all of
// them have to fit: what was charged before one is refused is refunded. A limit that a
// descriptor brings along is ignored, since plans have the limits.
//
// Caution: Envoy makes no descriptor, and so does not call the Limiter, if a client has
// sent no key. With skip_if_absent it makes one without that entry, which is refused. To
// demand keys, use an Authorizer.
type Limiter struct {
	ratelimitv3.UnimplementedRateLimitServiceServer
	gate     *gate.Gate
	cfg      LimiterConfig
	unit     int // the index of HitsUnit, or -1
	failures outage.Log
	faults   outage.Log

	mu     sync.Mutex
	warned map[string]bool // combinations of names
}

// NewLimiter returns a Limiter that asks the Gate g. The error wraps ErrInvalid and
// reports every fault of cfg at once.
func NewLimiter(g *gate.Gate, cfg LimiterConfig) (*Limiter, error) {
	cfg.Names = cfg.Names.withDefaults()
	unit := -1
	var errs []error
	if g == nil {
		errs = append(errs, errors.New("gate: nil: want a Gate"))
	} else {
		unit = g.Units().Index(cfg.HitsUnit)
		errs = append(errs, cfg.unitFaults(g.Units())...)
	}
	errs = append(errs, cfg.Names.faults()...)
	if cfg.Answers == nil && g != nil {
		var err error
		cfg.Answers, err = middleware.New(g, middleware.Config{})
		errs = append(errs, err)
	}
	if err := fault.Report(ErrInvalid, "limiter config", errs...); err != nil {
		return nil, err
	}
	kind := func(begins, ends string) outage.Log {
		return outage.Log{Logger: cfg.Logger, Level: slog.LevelError, Begins: begins, Ends: ends, Affected: "requests"}
	}
	return &Limiter{
		gate: g, cfg: cfg, unit: unit, warned: map[string]bool{},
		failures: kind("ration: decision failed", "ration: decisions succeed again"),
		faults:   kind("ration: decision failed: the descriptor breaks a rule", "ration: no more descriptors break a rule"),
	}, nil
}

// unitFaults returns an error if no request could ever be decided.
func (cfg *LimiterConfig) unitFaults(units usageplan.Units) (errs []error) {
	if cfg.HitsUnit != "" && units.Index(cfg.HitsUnit) < 0 {
		errs = append(errs, fmt.Errorf("hitsUnit: %.40q: want a unit of the Gate", cfg.HitsUnit))
	}
	for _, u := range units {
		if u.Required && u.Name != cfg.HitsUnit {
			errs = append(errs, fmt.Errorf("hitsUnit: %.40q: want %q, since the Gate requires its cost", cfg.HitsUnit, u.Name))
		}
	}
	return errs
}

// ShouldRateLimit decides a request. It implements ratelimitv3.RateLimitServiceServer.
// The only errors are that of a ctx that is done, and with ReportFailures that of a
// store.
func (l *Limiter) ShouldRateLimit(ctx context.Context, in *ratelimitv3.RateLimitRequest) (*ratelimitv3.RateLimitResponse, error) {
	verdicts := make([]verdict, len(in.GetDescriptors()))
	refused := len(verdicts) == 0 // a call without a descriptor names no key
	for i, d := range in.GetDescriptors() {
		v := &verdicts[i]
		l.decide(ctx, v, l.questionOf(in, d), refused)
		if v.refuses(&l.cfg) {
			refused = true
			if err := l.errorOf(ctx, v); err != nil {
				l.refund(ctx, verdicts[:i])
				return nil, err
			}
		}
	}
	if refused {
		l.refund(ctx, verdicts)
	} else {
		l.giveHitsBack(ctx, verdicts)
	}
	return l.response(verdicts, refused), nil
}

// giveHitsBack corrects what admit has charged for requests without hits.
func (l *Limiter) giveHitsBack(ctx context.Context, verdicts []verdict) {
	for i := range verdicts {
		if v := &verdicts[i]; v.free && v.Charged {
			l.note(ctx, &l.failures, l.gate.Settle(ctx, &v.Decision, usageplan.Costs{}))
		}
	}
}

// errorOf returns the error of the call, if there is to be one.
func (l *Limiter) errorOf(ctx context.Context, v *verdict) error {
	switch {
	case v.err == nil:
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err() // nobody waits for the answer
	case l.cfg.ReportFailures && v.Reason == gate.StoreFailed:
		return status.Error(codes.Unavailable, "the API key or its limits could not be checked")
	}
	return nil
}

// refund gives back what was charged for a call that is refused.
func (l *Limiter) refund(ctx context.Context, verdicts []verdict) {
	for i := range verdicts {
		if v := &verdicts[i]; v.Charged {
			l.note(ctx, &l.failures, l.gate.Refund(ctx, &v.Decision))
		}
	}
}

// note logs an error, except one caused by a caller that has gone.
func (l *Limiter) note(ctx context.Context, log *outage.Log, err error) {
	switch {
	case err == nil:
		log.Succeed(ctx)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
	default:
		log.Fail(ctx, err)
		log.Affect()
	}
}

// response returns the answer to a call.
func (l *Limiter) response(verdicts []verdict, refused bool) *ratelimitv3.RateLimitResponse {
	out := &ratelimitv3.RateLimitResponse{OverallCode: codeOK}
	w := &answer{header: http.Header{}}
	for i := range verdicts {
		v := &verdicts[i]
		out.Statuses = append(out.Statuses, v.status(&l.cfg))
		if out.DynamicMetadata == nil {
			out.DynamicMetadata = metadataOf(&v.Outcome)
		}
		if !refused && !v.late && v.Reason != 0 {
			l.cfg.Answers.ResultOf(v.Outcome).WriteHeaders(w.header)
		}
	}
	if refused {
		out.OverallCode = codeOverLimit
		l.cfg.Answers.ResultOf(refusalOf(verdicts, &l.cfg)).WriteProblem(w)
		out.RawBody = w.body
	}
	out.ResponseHeadersToAdd = headerValues(w.header)
	return out
}

// refusalOf returns the first refusal. A call that named no key is answered as one with
// an unknown key.
func refusalOf(verdicts []verdict, cfg *LimiterConfig) gate.Outcome {
	for i := range verdicts {
		if v := &verdicts[i]; v.refuses(cfg) && v.Reason != 0 {
			return v.Outcome
		}
	}
	return gate.Outcome{Reason: gate.Unknown}
}

// stageOf returns the API stage of a domain, and whether the domain is served.
func (l *Limiter) stageOf(domain string) (stage usageplan.Stage, served bool) {
	if l.cfg.Domains == nil {
		return usageplan.Stage{}, true
	}
	stage, served = l.cfg.Domains[domain]
	return stage, served
}

// DescriptorNames are the names of the entries of a descriptor. The defaults are in the
// comments. An entry of another name has no effect. A descriptor with two entries of one
// of these names is refused.
type DescriptorNames struct {
	Key   string // the secret as the client sent it: "api_key"
	KeyID string // the ID of a key that another filter has authenticated: "key_id"
	Route string // the canonical name of the route: "route"
	Class string // the class of the request: "class"
	Scope string // the scope that the request needs: "scope"
	Addr  string // the address of the client: "remote_address", as Envoy calls it
	Late  string // marks a descriptor for the end of a response: "late"

	// ID is an identifier that makes the request idempotent: see gate.Request.ID. By default
	// there is none.
	//
	// Security: Envoy lets a client choose X-Request-ID unless it is configured otherwise.
	ID string
}

func (n DescriptorNames) withDefaults() DescriptorNames {
	n.Key = cmp.Or(n.Key, "api_key")
	n.KeyID = cmp.Or(n.KeyID, "key_id")
	n.Route = cmp.Or(n.Route, "route")
	n.Class = cmp.Or(n.Class, "class")
	n.Scope = cmp.Or(n.Scope, "scope")
	n.Addr = cmp.Or(n.Addr, "remote_address")
	n.Late = cmp.Or(n.Late, "late")
	return n
}

// all returns all names. That of an ID may be empty.
func (n *DescriptorNames) all() []string {
	return []string{n.Key, n.KeyID, n.Route, n.Class, n.Scope, n.Addr, n.Late, n.ID}
}

// faults returns an error for each name that two entries have.
func (n *DescriptorNames) faults() (errs []error) {
	seen := map[string]bool{}
	for _, name := range n.all() {
		if name != "" && seen[name] {
			errs = append(errs, fmt.Errorf("names: %.40q: want each name once", name))
		}
		seen[name] = true
	}
	return errs
}
