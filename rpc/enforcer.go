package rpc

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// An Enforcer decides calls. Adapters to RPC systems use it. Use New to make one. It is
// safe for concurrent use.
//
// An Enforcer asks a Middleware about an HTTP request that stands for each call. So what
// a Config means, what is logged and what clients see is the same as with HTTP.
type Enforcer struct {
	cfg        Config
	gate       *gate.Gate
	middleware *middleware.Middleware
	services   map[string]bool // of Config.Public, such as "/grpc.health.v1.Health/"
	corrects   *outage.Log     // nil if there is no Logger
}

// New returns an Enforcer that asks the Gate g. The error wraps ErrInvalid and reports
// every fault of cfg at once.
func New(g *gate.Gate, cfg Config) (*Enforcer, error) {
	cfg.Public, cfg.RouteScopes = slices.Clone(cfg.Public), maps.Clone(cfg.RouteScopes)
	e := &Enforcer{cfg: cfg, gate: g, services: map[string]bool{}}
	for _, name := range cfg.Public {
		if service, ok := strings.CutSuffix(name, "*"); ok {
			e.services[service] = true
		}
	}
	m, err := middleware.New(g, e.asMiddleware())
	if err := fault.Report(ErrInvalid, "config", append(cfg.faults(), inner(err)...)...); err != nil {
		return nil, err
	}
	e.middleware = m
	if cfg.Logger != nil {
		e.corrects = &outage.Log{
			Logger: cfg.Logger, Level: slog.LevelError, Affected: "calls",
			Begins: "ration: settling or refunding a call failed", Ends: "ration: calls are settled and refunded again",
		}
	}
	return e, nil
}

// inner returns the faults in the error of middleware.New, without its kind.
func inner(err error) []error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), middleware.ErrInvalid.Error()+" config: ")
	return []error{errors.New(text)}
}

// asMiddleware returns the Config of the Middleware that is asked about calls.
func (e *Enforcer) asMiddleware() middleware.Config {
	cfg := &e.cfg
	m := middleware.Config{
		Credential:  e.credential,
		API:         cfg.API,
		Stage:       cfg.Stage,
		Route:       e.route,
		Guesses:     cfg.Guesses,
		OmitHeaders: cfg.OmitHeaders,
		ShowGroups:  cfg.ShowGroups,
		Jitter:      cfg.Jitter,
		Trusted:     cfg.Trusted,
		Forwarded:   cfg.Forwarded,
		Logger:      cfg.Logger,

		// A gRPC server that requires TLS gets no other calls, and a Connect interceptor
		// does not learn whether a call came over TLS.
		Insecure: middleware.Insecure{Allow: true},
	}
	for _, name := range cfg.Public {
		if isName(name) { // otherwise it is a fault already
			m.Public = append(m.Public, name)
		}
	}
	if cfg.Costs != nil || cfg.MessageCosts != nil || cfg.Settle != nil {
		m.Costs = e.costs
	}
	if cfg.Class != nil {
		m.Class = func(r *http.Request) string { return cfg.Class(callOf(r)) }
	}
	if cfg.Scope != nil || len(cfg.RouteScopes) > 0 {
		m.Scope = func(r *http.Request) string { return e.scope(callOf(r)) }
	}
	if cfg.Free != nil {
		m.Free = func(r *http.Request) bool { return cfg.Free(callOf(r)) }
	}
	if cfg.ID != nil {
		m.ID = e.id
	}
	return m
}

// usual finds the credential of a call where it is by default.
var usual = middleware.OneOf(middleware.Bearer(), middleware.Header("X-Api-Key"))

// credential finds the credential of a call, and notes the metadata that held it.
func (e *Enforcer) credential(r *http.Request) (found middleware.Credential, err error) {
	c := callOf(r)
	if e.cfg.Credential != nil {
		found, err = e.cfg.Credential(c)
	} else {
		found, err = usual(r)
	}
	if found.Header != "" && !slices.Contains(c.hidden, found.Header) {
		c.hidden = append(c.hidden, found.Header)
	}
	return found, err
}

// route returns the name of the call's route. If the whole service is public, that is its
// entry in Config.Public.
func (e *Enforcer) route(r *http.Request) string {
	method := r.URL.Path
	if len(e.services) > 0 {
		if service := serviceOf(method); e.services[service] {
			return service + "*"
		}
	}
	return method
}

// serviceOf returns the part of a method's full name that all methods of its service
// have, such as "/pets.v1.Pets/".
func serviceOf(method string) string { return method[:strings.LastIndexByte(method, '/')+1] }

// scope returns the scope that a call needs.
func (e *Enforcer) scope(c *Call) string {
	if scope, ok := e.cfg.RouteScopes[c.Method]; ok {
		return scope
	}
	if scope, ok := e.cfg.RouteScopes[serviceOf(c.Method)+"*"]; ok {
		return scope
	}
	if e.cfg.Scope == nil {
		return ""
	}
	return e.cfg.Scope(c)
}

func (e *Enforcer) costs(r *http.Request) usageplan.Costs {
	if e.cfg.Costs == nil {
		return usageplan.Costs{}
	}
	return e.cfg.Costs(callOf(r))
}

// id returns the ID of a call. Every message of a stream would have the same ID, and so
// be free.
func (e *Enforcer) id(r *http.Request) string {
	c := callOf(r)
	if c.onMessage() {
		return ""
	}
	return e.cfg.ID(c)
}

// Open decides a call, and charges it if it is admitted. ctx is the context of the call.
// If the call is refused, Open returns the Refusal and no Session.
func (e *Enforcer) Open(ctx context.Context, c Call) (*Session, *Refusal) {
	s := &Session{enforcer: e, call: c}
	s.call.ctx = ctx
	r := s.call.request(e.middleware)
	res := e.middleware.Check(r)
	if !res.Allowed() {
		return nil, e.refusalOf(ctx, res)
	}
	s.begin(r, res)
	return s, nil
}
