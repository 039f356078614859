package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/usageplan"
)

// Config configures a Handler. The zero Config is ready for use.
type Config struct {
	// Prefix is the path of the page. All links begin with it, so a proxy must not change
	// it. The default is "/usage". Use "/" for a page that has a host of its own.
	Prefix string

	// Title is the name of the service, as the pages show it. The default is "Ration".
	Title string

	// Origins lists further origins that may send forms, such as "https://ops.example.com".
	// It is for a proxy that changes the Host of requests. The page's own origin needs no
	// entry.
	Origins []string

	// FormKey is a secret of at least 16 bytes, by which a Handler knows the forms that it
	// has sent. Give the same to all replicas behind one address. If nil, it is random, so
	// forms that are open during a restart have to be loaded again.
	FormKey []byte `json:"-"`

	// AuditTime bounds an audit. The default is 1m.
	AuditTime time.Duration

	// SecretAge is the age from which an audit reports the secret of a key, so that somebody
	// rotates the key. The default is 365 days.
	SecretAge time.Duration

	// History has the changes of keys, plans and groups, such as a history.History. The
	// pages show it. If nil, there is no page of changes.
	//
	// Every action of a page is recorded by the services, if their Config.History is set:
	// with the actor "page NAME".
	History Lister

	// Counts has what was refused since the start. Make it an Observer of the Gate, too. If
	// nil, the pages do not tell what was refused.
	Counts *observe.Counts

	// Logger is told when the stores begin to fail, and when they are back. If nil, nothing
	// is logged.
	Logger *slog.Logger
}

// A Handler serves the page. Use New to create one. A Handler is safe for concurrent use.
type Handler struct {
	keys   *apikey.Service
	plans  *usageplan.Service
	groups *usageplan.Groups // nil if the store keeps none
	gate   *gate.Gate
	auth   Authenticator
	cfg    Config
	prefix string
	mux    *http.ServeMux
	cross  *http.CrossOriginProtection
	tokens tokens
	once   actions
	audits audits
	outage outage.Log
}

// New returns a Handler for the keys, plans and groups of the services, and for the
// counts of the Gate. The groups may be nil, for a store that keeps none. The error
// reports every fault at once.
func New(keys *apikey.Service, plans *usageplan.Service, groups *usageplan.Groups, g *gate.Gate, auth Authenticator, cfg Config) (*Handler, error) {
	h := &Handler{
		keys: keys, plans: plans, groups: groups, gate: g, auth: auth, cfg: cfg,
		mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(), outage: newOutage(cfg.Logger),
	}
	errs := []error{
		nilcheck.Required("keys", keys, "an apikey.Service"), nilcheck.Required("plans", plans, "a usageplan.Service"),
		nilcheck.Required("gate", g, "a gate.Gate"),
		nilcheck.Optional("config: history", cfg.History, "a Lister, or none"),
		nilcheck.Required("authenticator", auth, "an Authenticator, or anybody could create keys"),
	}
	if errs = append(errs, h.complete()...); errors.Join(errs...) != nil {
		return nil, fmt.Errorf("admin: new: %w", errors.Join(errs...))
	}
	h.routes()
	return h, nil
}

// complete sets the defaults, and returns the faults of the Config.
func (h *Handler) complete() (errs []error) {
	cfg := &h.cfg
	if cfg.Prefix == "" {
		cfg.Prefix = "/usage"
	}
	if cfg.Title == "" {
		cfg.Title = "Ration"
	}
	if cfg.AuditTime == 0 {
		cfg.AuditTime = time.Minute
	}
	if cfg.SecretAge == 0 {
		cfg.SecretAge = 365 * 24 * time.Hour
	}
	h.prefix = strings.TrimSuffix(cfg.Prefix, "/")
	if !isPrefix(cfg.Prefix) {
		errs = append(errs, fmt.Errorf("config: prefix: %q: want a path such as /usage, of letters, digits, '/', '-', '_', '.' and '~'", cfg.Prefix))
	}
	if cfg.AuditTime < 0 {
		errs = append(errs, fmt.Errorf("config: auditTime: %v: want at least 0", cfg.AuditTime))
	}
	if cfg.SecretAge < 0 {
		errs = append(errs, fmt.Errorf("config: secretAge: %v: want at least 0", cfg.SecretAge))
	}
	for i, origin := range cfg.Origins {
		if err := h.cross.AddTrustedOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("config: origins[%d]: %q: want an origin such as https://ops.example.com", i, origin))
		}
	}
	var err error
	if h.tokens, err = newTokens(cfg.FormKey); err != nil {
		errs = append(errs, fmt.Errorf("config: formKey: %w", err))
	}
	return errs
}

// isPrefix reports whether a path needs no escape, and is the same after it was cleaned.
func isPrefix(path string) bool {
	if path == "/" {
		return true
	}
	for i, segment := range strings.Split(path, "/") {
		if (i == 0) != (segment == "") || segment == "." || segment == ".." {
			return false
		}
		for _, c := range []byte(segment) {
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0) {
				return false
			}
		}
	}
	return true
}

// routes registers all pages. The paths are those below the prefix.
func (h *Handler) routes() {
	get := map[string]page{
		"/{$}": h.overview, "/keys": h.listKeys, "/keys/{key}": h.showKey,
		"/plans": h.listPlans, "/plans/{plan}": h.showPlan,
		"/groups": h.listGroups, "/groups/{group}": h.showGroup,
		"/audit": h.showAudit, "/changes": h.listChanges,

		"/new-key":               h.askCreate,
		"/keys/{key}/disable":    h.askDisable,
		"/keys/{key}/rotate":     h.askRotate,
		"/keys/{key}/restrict":   h.askRestrict,
		"/keys/{key}/link":       h.askLink,
		"/keys/{key}/move":       h.askMove,
		"/keys/{key}/unlink":     h.askUnlink,
		"/keys/{key}/extend":     h.askExtend,
		"/groups/{group}/extend": h.askExtendGroup,

		"/": func(*http.Request) (*answer, error) { return nil, errNoPage },
	}
	post := map[string]form{
		"/new-key": {h.create, []string{
			"id", "name", "description", "customer", "group", "plan", "expires", "scopes", "networks",
		}},
		"/keys/{key}/disable":    {h.disable, nil},
		"/keys/{key}/enable":     {h.enable, nil},
		"/keys/{key}/rotate":     {h.rotate, []string{"version", "grace"}},
		"/keys/{key}/restrict":   {h.restrict, []string{"version", "scopes", "networks"}},
		"/keys/{key}/link":       {h.link, []string{"plan"}},
		"/keys/{key}/move":       {h.move, []string{"plan", "to"}},
		"/keys/{key}/unlink":     {h.unlink, []string{"plan"}},
		"/keys/{key}/extend":     {h.extend, []string{"plan", "quota", "window", "remaining"}},
		"/groups/{group}/extend": {h.extendGroup, []string{"plan", "quota", "window", "remaining"}},
	}
	for path, p := range get {
		h.handle("GET "+path, pageTime, p)
	}
	for path, f := range post {
		h.handle("POST "+path, pageTime, f.send)
	}
	h.handle("POST /audit", h.cfg.AuditTime, form{h.runAudit, nil}.send)
	for name, file := range files {
		h.mux.HandleFunc("GET /"+name, file.serve)
	}
}
