package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
)

// Header fields that tell the upstream the key and the plan of a request. Fields of these
// names that a client sends are removed.
const (
	keyField  = "X-Ration-Key"
	planField = "X-Ration-Plan"
)

// idleConns is how many idle connections to the upstream are kept. The default of
// net/http is 2, so that most requests of a busy gateway would open a new connection.
const idleConns = 256

// dataPlane returns a handler that forwards the requests that the usage plans admit.
func dataPlane(cfg config, g *gate.Gate, keys *apikey.Service, log *slog.Logger) (http.Handler, error) {
	next := upstream(cfg, log)
	refuse := func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) {
		if cfg.aws {
			res.WriteAWS(w)
		} else {
			res.WriteProblem(w)
		}
	}
	mw, err := middleware.New(g, middleware.Config{
		API: cfg.api, Stage: cfg.stage, Credential: middleware.Header("X-API-Key"), StripCredential: true, Refuse: refuse, Logger: log,
		RouteScopes: cfg.scopes, Trusted: cfg.trusted, Forwarded: cfg.forwarded, Insecure: cfg.plainHTTP(keys),
	})
	if err != nil {
		return nil, err
	}
	h, err := routed(cfg, mw.Handler(next))
	if err != nil {
		return nil, err
	}
	return withUsage(cfg, mw, h)
}

// upstream returns a handler that forwards requests, or answers them if there is no
// upstream.
func upstream(cfg config, log *slog.Logger) http.Handler {
	if cfg.upstream == nil {
		return http.HandlerFunc(echo)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil      // the environment must not redirect the upstream's requests
	transport.MaxIdleConns = 0 // no limit over all hosts: there is one host
	transport.MaxIdleConnsPerHost = idleConns
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(cfg.upstream)
			r.SetXForwarded()
			removeIdentity(r.Out.Header)
			if d, ok := middleware.DecisionFromContext(r.In.Context()); ok && d.Plan != nil {
				r.Out.Header.Set(keyField, d.Key.ID)
				r.Out.Header.Set(planField, d.Plan.ID)
			}
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
}

// removeIdentity removes the fields that only the gateway may write. Some upstreams read
// a '_' in a name as a '-', so a client could forge a field by that spelling.
func removeIdentity(h http.Header) {
	for name := range h {
		if plain := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")); plain == keyField || plain == planField {
			delete(h, name)
		}
	}
}

// echo answers with what the gateway knows of the request.
func echo(w http.ResponseWriter, r *http.Request) {
	answer := map[string]string{"method": r.Method, "path": r.URL.Path}
	if d, ok := middleware.DecisionFromContext(r.Context()); ok && d.Plan != nil {
		answer["key"], answer["plan"] = d.Key.Name, d.Plan.Name
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // fails only if the client has disconnected
}
