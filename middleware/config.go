package middleware

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// ErrInvalid is wrapped by every error that reports a bad Config or LimitConfig.
var ErrInvalid = errors.New("middleware: invalid")

// Config configures a Middleware. The zero Config is ready for use. Many requests call
// its functions at the same time.
type Config struct {
	// Credential finds the credential of a request. The default is OneOf(Bearer(),
	// Header("X-API-Key")).
	//
	// If clients use Authorization for something else beside their key, such as a user's
	// token, set it to Header("X-API-Key"): a request with two credentials is refused
	// with 400.
	Credential Extractor

	// API and Stage name the API stage that the handler serves. Set both or neither. See
	// usageplan.Plan.Stages.
	API, Stage string

	// Route returns the pattern of a request's route, with the method, in the syntax of any
	// router: "GET /pets/{id}", "GET /pets/:id". It returns "" if it does not know the
	// route. Plans name the throttles of routes by this pattern, without its host and in the
	// syntax of http.ServeMux: see usageplan.Route. Route is asked before Mux, and before
	// ServeRoute takes the route that it is given. If nil, only these are asked.
	//
	// The router must serve the request by the same pattern, since Public is compared with
	// it. docs/routers.md has the lines for chi and nested muxes. The modules routers/gin,
	// routers/echo and routers/fiber need no Route.
	Route func(*http.Request) string

	// Mux is the ServeMux in which the patterns of routes are looked up. It must be the mux
	// that serves the request, with the URL and method that the middleware sees. So
	// http.StripPrefix goes around the middleware, not inside it. Set Mux if other
	// middleware stands between this one and the mux.
	//
	// The default is the handler that is passed to Handler, if it is a ServeMux. Otherwise
	// it is Request.Pattern, which a mux sets for the handlers inside it.
	Mux *http.ServeMux

	// Public lists the patterns of routes that need no key. Write them exactly as the mux
	// has them, or as plans name them. A route that is not known is not public. The Logger
	// is warned of a pattern that has no effect.
	//
	// Security: two routes that differ in a regular expression only, such as "/{n:[0-9]+}"
	// and "/{n:[a-z]+}", have one name, "/{n}". To make one of them public, write it exactly
	// as Route returns it.
	Public []string

	// RouteScopes names the scope that each route needs, by the pattern of the route as in
	// Public, such as "orders:read" for "GET /orders/{id}". A key without the scope is
	// refused with 403 and insufficient_scope, before anything is charged. See
	// apikey.Key.Scopes. The Logger is warned of a pattern that has no effect, and of a
	// scope that no key has.
	//
	// Caution: a key without Scopes may use only the routes that need none. Give the keys
	// their Scopes before you set it.
	//
	// A route that is not listed needs the scope that Scope returns, and none if Scope is
	// nil. If Scope is nil and no router is known, every request is answered with 500: set
	// Mux or Route then.
	RouteScopes map[string]string

	// Scope returns the scope that a request needs if RouteScopes does not list its route.
	// If nil, or if it returns "", the request needs none. A scope that apikey.CheckScope
	// refuses is answered with 500.
	Scope func(*http.Request) string

	// Trusted are the networks of the proxies that are believed when they name the client's
	// address, and Forwarded says that they write Forwarded and not X-Forwarded-For. See
	// AddressConfig, in which both mean the same. A key that has apikey.Key.Networks may be
	// used only from these. Without Trusted, the address is that of the connection.
	//
	// A request whose field is malformed is of no known address, and such a key is refused.
	// The proxies also say whether the client has used HTTPS: see Insecure.
	Trusted   []netip.Prefix
	Forwarded bool

	// Insecure says what becomes of requests that come over plain HTTP. By default they are
	// served, and the Logger is warned once.
	//
	// Security: set Insecure.Refuse where the service itself has TLS, or its proxies are in
	// Trusted.
	Insecure Insecure

	// Costs returns what a request uses of the units in gate.Config.Units, in their order.
	// Beside these every request is charged one of usageplan.Requests. If nil, a request
	// uses nothing of the units. If the handler calls Settle later, return an estimate.
	//
	// A cost that gate.Request.Costs does not allow is answered with 500. Examples are a
	// negative cost, and 0 of a unit that is Required.
	Costs func(*http.Request) usageplan.Costs

	// Class returns the class of a request, such as a model or a feature: see
	// gate.Request.Class. If nil, or if it returns "", a request has no class. A class that
	// breaks the rules is answered with 500.
	//
	// Caution: a class that no plan names has no limits of its own. Do not return the
	// client's text, since the client could spell a model in another way to avoid its
	// limits. Return the class that the service has found, and refuse unknown ones.
	Class func(*http.Request) string

	// Free reports whether a request is charged nothing. Such a request is admitted even if
	// the limits are used up. It is refused only because of its key, or if a store fails.
	// The RateLimit fields show the state. Costs is not called. If nil, no request is free.
	// To tell clients their usage, there is Middleware.Usage.
	//
	// A request that the mux only redirects to the clean form of its path, such as /dir to
	// /dir/, is always free, if Handler is given the mux itself. The client pays when it
	// follows the redirect.
	Free func(*http.Request) bool

	// ID returns an identifier of the request, so that the request is charged once however
	// often it is retried. If nil, or if it returns "", every attempt is charged. An ID that
	// is too long is answered with 500.
	//
	// Security: read gate.Request.ID before you let clients choose IDs.
	ID func(*http.Request) string

	// Refund reports whether the charge is given back after a response with this status, as
	// Gate.Refund does. If nil, nothing is refunded.
	//
	//   - A handler that panics counts as 500, even if it has sent another status.
	//   - A hijacked connection counts as 101.
	//   - A handler that is too late counts as 503, even if it has sent another status. It
	//     is too late if an outer http.TimeoutHandler has answered, or if the deadline of
	//     the request passed before anything was sent.
	//
	// Nothing is refunded if the handler has settled the charge. Nothing is refunded if the
	// client disconnected either: otherwise clients could avoid paying by hanging up before
	// the last byte.
	//
	// If ID is set, a request that is repeated while the first attempt runs is free, even if
	// the first attempt then fails and is refunded. See Gate.Refund.
	Refund func(status int) bool

	// StripCredential hides the credential from the next handler, which gets a request
	// without that header field or query parameter. On public routes and for CORS
	// preflights, Credential is called just for this purpose. A credential that Credential
	// does not name is not hidden, for example because Credential failed or looks elsewhere.
	StripCredential bool

	// OmitHeaders leaves out the RateLimit fields, for routes whose clients should not learn
	// about limits.
	OmitHeaders bool

	// ShowGroups shows clients the limits of the groups above the key. The RateLimit fields
	// have them after those of the key, under names such as "acme/month". The problem bodies
	// of WriteProblem have these names and the IDs of the groups. The X-RateLimit fields
	// describe a limit of a group if it is the tightest.
	//
	// By default a client learns only that a limit of a group refused. It learns neither the
	// group nor what remains of the limit.
	//
	// Do not give a group the name of a unit as its ID. A group "tokens" would make
	// "tokens/day" ambiguous: a key's own quota of the unit tokens has this name, too.
	//
	// Security: set it only if each client may know what its organisation uses.
	ShowGroups bool

	// XRateLimit adds the X-RateLimit fields. The default is XRateLimitOff.
	XRateLimit XRateLimit

	// Jitter spreads the clients whose quotas are used up. Otherwise all of them return in
	// the second in which the windows end, such as at midnight. Each answer adds a random
	// time to the waits for quotas: 0 to Jitter, the same in Retry-After, in the parameter t
	// and in X-RateLimit-Reset. So a client that waits for as long as Retry-After says is
	// not too early. Waits for throttles do not change. Jitter is at most 1h. The default is
	// 0, which adds nothing.
	Jitter time.Duration

	// SharedStatus is the status of a request that a shared throttle refuses: that of the
	// API stage or of the account. It is 429 or 503. The problem type is
	// temporary-reduced-capacity in both cases, and Retry-After is the wait.
	//
	// The default is 429. The draft recommends 503. But load balancers and clients take
	// servers that answer 503 for broken, while these servers only keep to their limits.
	SharedStatus int

	// Guesses bounds the look-ups of secrets that are not good, by the address of the
	// client. The zero GuessConfig has a generous bound.
	Guesses GuessConfig

	// BodyTimeout bounds how long Credential, Costs, Class, Scope, Free and ID may read a
	// request's body, and then how long Refuse may. After that time, reading the body fails.
	// The bound exists because a client that sends a body slowly need not have a key. The
	// default is 10s. Reading by the next handler is bounded only by the server, see
	// http.Server.ReadTimeout.
	BodyTimeout time.Duration

	// Realm is the realm of the WWW-Authenticate challenge that is sent with a 401 or 400.
	// It consists of visible ASCII characters and spaces. The default is "api". The scheme
	// of the challenge is always Bearer, whatever Credential looks for, since HTTP requires
	// a challenge.
	Realm string

	// Refuse answers a request that is refused. The default is Result.WriteProblem.
	// Result.WriteAWS answers as Amazon API Gateway does. Refuse may read the request's
	// body. The answer does not wait for the rest of the body, see Bodies in the package
	// documentation.
	Refuse func(http.ResponseWriter, *http.Request, *Result)

	// Logger receives errors for failures of stores and of the functions in this Config, and
	// warnings about mistakes in the configuration. A failure is logged when it begins and
	// when it has ended, and not for each request. At slog.LevelDebug it also receives each
	// refused credential: the reason, and the key's ID if that is known, but never the
	// secret. If nil, nothing is logged.
	Logger *slog.Logger
}

func (cfg Config) faults(g *gate.Gate) (errs []error) {
	if g == nil {
		errs = append(errs, errors.New("gate: nil: want a Gate"))
	}
	if (cfg.API == "") != (cfg.Stage == "") {
		errs = append(errs, fmt.Errorf("api, stage: %q, %q: want both or neither", cfg.API, cfg.Stage))
	}
	errs = append(errs, cfg.XRateLimit.fault())
	if !visible(cfg.Realm, ' ') {
		errs = append(errs, fmt.Errorf("realm: %.40q: want visible ASCII characters and spaces", cfg.Realm))
	}
	if cfg.Jitter < 0 || cfg.Jitter > maxJitter {
		errs = append(errs, fmt.Errorf("jitter: %v: want 0 to %v", cfg.Jitter, maxJitter))
	}
	switch cfg.SharedStatus {
	case 0, http.StatusTooManyRequests, http.StatusServiceUnavailable:
	default:
		errs = append(errs, fmt.Errorf("sharedStatus: %d: want 429 or 503", cfg.SharedStatus))
	}
	errs = append(errs, cfg.Guesses.faults()...)
	errs = append(errs, prefixFaults("trusted", cfg.Trusted)...)
	if cfg.Forwarded && len(cfg.Trusted) == 0 {
		errs = append(errs, errors.New("forwarded: true: want the proxies in trusted, too"))
	}
	errs = append(errs, cfg.Insecure.faults()...)
	if cfg.BodyTimeout < 0 {
		errs = append(errs, fmt.Errorf("bodyTimeout: %v: want 0 or more", cfg.BodyTimeout))
	}
	return errs
}

// warnOfUnused tells of units and classes that the Gate has and no request will name:
// their limits would never apply.
func (cfg *Config) warnOfUnused(g *gate.Gate) {
	warn := func(m gate.Mistake, text, kind, name string) {
		g.NoteMistake(m)
		if cfg.Logger != nil {
			cfg.Logger.Warn(text, kind, name)
		}
	}
	if units := g.Units(); len(units) > 0 && cfg.Costs == nil {
		warn(gate.UnusedUnits, "ration: Costs is nil, so requests use nothing of the units of the Gate", "unit", units[0].Name)
	}
	if classes := g.Classes(); len(classes) > 0 && cfg.Class == nil {
		warn(gate.UnusedClasses, "ration: Class is nil, so no limits of the classes of the Gate apply", "class", classes[0])
	}
}

func (cfg Config) withDefaults() Config {
	cfg.BodyTimeout = cmp.Or(cfg.BodyTimeout, bodyTimeout)
	cfg.Realm = cmp.Or(cfg.Realm, "api")
	if cfg.Credential == nil {
		cfg.Credential = OneOf(Bearer(), Header("X-API-Key"))
	}
	if cfg.Refuse == nil {
		cfg.Refuse = func(w http.ResponseWriter, _ *http.Request, res *Result) { res.WriteProblem(w) }
	}
	return cfg
}
