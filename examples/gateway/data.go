package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
)

// Fields that tell the upstream who asks. Those that a client sends are taken away.
const (
	keyField  = "X-Ration-Key"
	planField = "X-Ration-Plan"
)

// idleConns is how many connections to the upstream are kept while nobody uses them.
const idleConns = 256

// dataPlane passes on what the usage plans admit.
func dataPlane(cfg config, g *gate.Gate, st *opened, log *slog.Logger) (http.Handler, error) {
	next := upstream(cfg, log)
	if st.file != nil {
		next = st.file.counting(next)
	}
	refuse := func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) {
		if cfg.aws {
			res.WriteAWS(w)
		} else {
			res.WriteProblem(w)
		}
	}
	mw, err := middleware.New(g, middleware.Config{
		API: cfg.api, Stage: cfg.stage, Credential: middleware.Header("X-API-Key"), StripCredential: true, Refuse: refuse, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	return routed(cfg, mw.Handler(next))
}

// upstream passes requests on, or answers them.
func upstream(cfg config, log *slog.Logger) http.Handler {
	if cfg.upstream == nil {
		return http.HandlerFunc(echo)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy, transport.MaxIdleConns, transport.MaxIdleConnsPerHost = nil, 0, idleConns
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(cfg.upstream)
			r.SetXForwarded()
			forget(r.Out.Header)
			if d, ok := middleware.DecisionFromContext(r.In.Context()); ok && d.Plan != nil {
				r.Out.Header.Set(keyField, d.Key.ID)
				r.Out.Header.Set(planField, d.Plan.ID)
			}
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
}

// forget takes away the fields that only the gateway writes. Some upstreams read a '_' as
// a '-'.
func forget(h http.Header) {
	for name := range h {
		if plain := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")); plain == keyField || plain == planField {
			delete(h, name)
		}
	}
}

// echo answers with what it knows of the request.
func echo(w http.ResponseWriter, r *http.Request) {
	said := map[string]string{"method": r.Method, "path": r.URL.Path}
	if d, ok := middleware.DecisionFromContext(r.Context()); ok && d.Plan != nil {
		said["key"], said["plan"] = d.Key.Name, d.Plan.Name
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(said) // the client may be gone
}
