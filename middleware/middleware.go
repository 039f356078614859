package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/nilcheck"
)

// ErrInvalid is wrapped by every error that reports a bad Config.
var ErrInvalid = errors.New("middleware: invalid")

// Config of a Middleware. The zero Config is ready for use. Its functions are called by
// many requests at once.
type Config struct {
	// Credential finds out who asks; nil: OneOf(Bearer(), Header("X-API-Key")). Where
	// clients use Authorization for something else beside their key, such as a user's token,
	// it is to be Header("X-API-Key"): of two credentials none is taken.
	Credential Extractor

	// API and Stage name the API stage that the handler is; both or neither. See
	// usageplan.Plan.Stages.
	API, Stage string

	// Route returns the pattern of a request's route in the words of the router, such as
	// "GET /pets/{id}"; empty: not known. Plans name their throttles of routes by it,
	// without the host that it may have. It is asked before Mux. The router must serve the
	// request by the same pattern, since Public is compared with it. docs/routers.md has the
	// lines for chi, gin, echo and nested muxes. The default is nil: only Mux is asked.
	Route func(*http.Request) string

	// Mux is the ServeMux in which the patterns of routes are looked up. It must be the one
	// that serves the request, with the URL and method that the middleware sees, so
	// http.StripPrefix goes around the middleware. The default is the handler that Handler
	// is given, if that is a ServeMux; else Request.Pattern, which a mux sets for the
	// handlers inside it. Name here a mux that other middleware stands around.
	Mux *http.ServeMux

	// Public lists the patterns of routes that need no key, exactly as the mux has them or
	// as Route returns them. A route that is not known is not public. The Logger is warned
	// of a pattern that has no effect.
	Public []string

	// Cost returns what the quotas are charged for a request. The default is 1 for each. A
	// negative cost is answered with 500: it never gives back. Where the mux is known and
	// only redirects a request to the clean form of its path, such as /dir to /dir/, the
	// cost is 0, and Cost is not asked: the client comes back and pays then.
	//
	// A cost of 0 takes nothing, of the throttle neither, and is admitted whatever the
	// limits: a client that has used them up asks for its usage. It is refused for its key
	// alone, or where a store fails. The RateLimit fields show the state.
	//
	// Do not return 0 for a cost that Gate.Settle makes known later: nothing would ever
	// refuse. Return an estimate of 1 or more.
	Cost func(*http.Request) int64

	// ID names the request, so that it is charged once however often it is tried; nil, or an
	// empty ID: it is not named. Read at gate.Request.ID what an ID that a client chooses
	// needs. One that is too long is answered with 500.
	ID func(*http.Request) string

	// Refund says whether the charge is given back to the quotas, by the status of the
	// response; nil: never. A handler that panics counts as 500, whatever it has sent, and a
	// hijacked connection as 101. A handler that comes too late counts as 503, whatever it
	// has sent: http.TimeoutHandler outside has answered, or the request's deadline is over
	// and nothing was sent. Nothing is given back of a charge that the handler has settled,
	// nor where the client has gone before the answer was done: it would get all but the end
	// of every answer for nothing. Beside ID, a request that is repeated while it is under
	// way is free if the first then fails: see Gate.Refund.
	Refund func(status int) bool

	// StripCredential hides the credential from the next handler: it gets a request without
	// that header or parameter. So it is on public routes and with preflights, where
	// Credential is called for nothing else; what it does not name, since it failed or looks
	// elsewhere, is not hidden.
	StripCredential bool

	// OmitHeaders leaves the RateLimit fields out, for routes whose clients should not learn
	// of limits. XRateLimit adds the X-RateLimit fields.
	OmitHeaders bool
	XRateLimit  XRateLimit

	// BodyTimeout bounds how long Credential, Cost and ID, and then Refuse, may take to read
	// a request's body: a client that sends it slowly need not have a key. After that,
	// reading it fails. The default is 10s. What the next handler reads is bounded by the
	// server alone, see http.Server.ReadTimeout.
	BodyTimeout time.Duration

	// Realm is what the challenge of a 401 names, which is of the scheme Bearer whatever
	// Credential looks for, since HTTP wants one; empty: "api". Visible ASCII characters and
	// spaces.
	Realm string

	// Refuse answers a request that is refused; nil: Result.WriteProblem. Result.WriteAWS
	// answers as Amazon API Gateway does. Refuse may read the request's body. The answer
	// does not wait for the rest of it, see Bodies in the package documentation.
	Refuse func(http.ResponseWriter, *http.Request, *Result)

	// Logger is told of failures of stores and of the service's own functions, and warned of
	// mistakes in the set-up. At slog.LevelDebug it is told of each credential that is
	// refused: why, and the key's id if that is known, never the secret. Nil means that
	// nobody is.
	Logger *slog.Logger
}

// Middleware enforces what a Gate decides. Make one with New. Safe for concurrent use.
type Middleware struct {
	gate      *gate.Gate
	cfg       Config
	public    map[string]bool
	challenge string // WWW-Authenticate
	policies  policies
	watch     *watch      // nil: nobody is warned
	twice     atomic.Bool // warned of
	prefixed  atomic.Bool // warned of a key that was refused for its prefix alone
	mayRead   bool        // the service's functions may read bodies

	bearerOrKey bool // the Extractor is the default
}

// New makes a Middleware in front of a Gate. It reports every fault of cfg at once; the
// error wraps ErrInvalid.
func New(g *gate.Gate, cfg Config) (*Middleware, error) {
	var errs []error
	if g == nil {
		errs = append(errs, errors.New("gate: nil: want one"))
	}
	if (cfg.API == "") != (cfg.Stage == "") {
		errs = append(errs, fmt.Errorf("api, stage: %q, %q: want both or neither", cfg.API, cfg.Stage))
	}
	errs = append(errs, cfg.XRateLimit.fault())
	if !visible(cfg.Realm, ' ') {
		errs = append(errs, fmt.Errorf("realm: %.40q: want visible ASCII characters and spaces", cfg.Realm))
	}
	if cfg.BodyTimeout < 0 {
		errs = append(errs, fmt.Errorf("bodyTimeout: %v: want 0 or more", cfg.BodyTimeout))
	}
	public, err := patterns(cfg.Public, cfg.Route != nil)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("%w config: %w", ErrInvalid, err)
	}
	mayRead := cfg.Credential != nil || cfg.Cost != nil || cfg.ID != nil
	if cfg.BodyTimeout == 0 {
		cfg.BodyTimeout = bodyTimeout
	}
	usual := cfg.Credential == nil
	if usual {
		cfg.Credential = OneOf(Bearer(), Header("X-API-Key"))
	}
	if cfg.Realm == "" {
		cfg.Realm = "api"
	}
	if cfg.Refuse == nil {
		cfg.Refuse = func(w http.ResponseWriter, _ *http.Request, res *Result) { res.WriteProblem(w) }
	}
	challenge := appendString([]byte("Bearer realm="), cfg.Realm)
	return &Middleware{gate: g, cfg: cfg, public: public, challenge: string(challenge), watch: newWatch(cfg), mayRead: mayRead, bearerOrKey: usual}, nil
}

// Handler passes on to next what is admitted, with the key and the decision in its
// context, and refuses the rest. It panics if next is nil.
func (m *Middleware) Handler(next http.Handler) http.Handler {
	nilcheck.Must("middleware: Handler", nilcheck.Required("next", next, "an http.Handler"))
	mux := m.cfg.Mux
	if mux == nil {
		mux, _ = next.(*http.ServeMux)
	}
	m.watch.knows(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := new(exchange)
		var found Credential
		m.checkWithin(w, r, mux, &x.Result, &found)
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
			x.ctx.Context = r.Context()
			x.ctx.decision = &x.Decision
			x.ctx.by.mw = m
			x.ctx.by.target = r.RequestURI
			inner := r.WithContext(&x.ctx)
			if m.cfg.StripCredential {
				found.place().strip(inner)
				x.ctx.by.target = inner.RequestURI
			}
			m.serve(next, m.record(w, r, &found, x), inner, r, x)
		}
	})
}
