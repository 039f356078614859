package envoy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/genproto/googleapis/rpc/code"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/middleware"
)

// ErrInvalid is wrapped by every error that reports a bad AuthorizerConfig or
// LimiterConfig.
var ErrInvalid = errors.New("envoy: invalid")

// AuthorizerConfig configures an Authorizer. The zero AuthorizerConfig is ready for use.
type AuthorizerConfig struct {
	// Middleware says how requests are decided and answered, as in front of an http.Handler.
	// Its functions get a request without a connection, whose context has the attributes of
	// Envoy: see AttributesFromContext.
	//
	//   - RemoteAddr is the address that has connected to Envoy. If that is another proxy,
	//     name it in the settings of the Middleware about trusted proxies.
	//   - TLS is not nil if the client's connection to Envoy has TLS. It has no
	//     certificates.
	//   - Body is empty unless Envoy's with_request_body sends it.
	//
	// If Route and Mux are nil, the route is the context extension "route" that Envoy's
	// configuration gives to a route. Set Class and Scope to functions that Extension
	// returns, if Envoy's configuration has these, too.
	//
	// Refund must be nil, because Envoy does not tell how the service has answered.
	// BodyTimeout has no effect. StripCredential is always on, see KeepCredential.
	//
	// Caution: the fields about limits are added to all answers of the service, even to
	// those that a shared cache may keep. Set OmitHeaders if there is a cache before Envoy.
	Middleware middleware.Config

	// KeepCredential lets the service see the credential. By default Envoy removes its
	// header field or query parameter from the request.
	KeepCredential bool

	// IdentityPrefix begins the names of the header fields that tell the service who asks:
	// key-id, customer-id, group-id and plan-id. Values are percent-encoded where they have
	// other characters than visible ASCII, or a percent sign. What is not known has no
	// field. The default is "x-ration-". A prefix has lower-case letters, digits and '-',
	// and ends in '-'.
	//
	// A client cannot forge these fields. Envoy removes all fields of a request that have
	// the prefix, also with '_' instead of '-', before it adds its own.
	IdentityPrefix string
}

// An Authorizer decides requests for Envoy's external authorization. Use NewAuthorizer to
// make one. It is safe for concurrent use.
type Authorizer struct {
	authv3.UnimplementedAuthorizationServer
	mw         *middleware.Middleware
	credential middleware.Extractor
	refuse     func(http.ResponseWriter, *http.Request, *middleware.Result)
	keep       bool
	prefix     string
}

// NewAuthorizer returns an Authorizer that asks the Gate g. The error wraps ErrInvalid
// and reports every fault of cfg at once.
func NewAuthorizer(g *gate.Gate, cfg AuthorizerConfig) (*Authorizer, error) {
	cfg.IdentityPrefix = cmp.Or(cfg.IdentityPrefix, "x-ration-")
	inner := cfg.Middleware
	mw, err := middleware.New(g, inner)
	if err := fault.Report(ErrInvalid, "authorizer config", append(cfg.faults(), fault.In("middleware", err))...); err != nil {
		return nil, err
	}
	a := &Authorizer{mw: mw, credential: inner.Credential, refuse: inner.Refuse, keep: cfg.KeepCredential, prefix: cfg.IdentityPrefix}
	if a.credential == nil {
		a.credential = middleware.OneOf(middleware.Bearer(), middleware.Header("X-API-Key"))
	}
	if a.refuse == nil {
		a.refuse = func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteProblem(w) }
	}
	return a, nil
}

func (cfg *AuthorizerConfig) faults() (errs []error) {
	if cfg.Middleware.Refund != nil {
		errs = append(errs, errors.New("middleware.refund: want nil: Envoy does not tell how the service has answered"))
	}
	if cfg.Middleware.StripCredential && cfg.KeepCredential {
		errs = append(errs, errors.New("middleware.stripCredential, keepCredential: want one, not both"))
	}
	if !isPrefix(cfg.IdentityPrefix) {
		errs = append(errs, fmt.Errorf("identityPrefix: %.40q: want lower-case letters, digits and '-', and '-' at the end", cfg.IdentityPrefix))
	}
	return errs
}

// Check decides a request. It implements authv3.AuthorizationServer. What is no HTTP
// request, such as a TCP connection, is refused. The only error is that of a ctx that is
// done.
func (a *Authorizer) Check(ctx context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	r, err := requestOf(ctx, in.GetAttributes())
	if err != nil {
		return badRequest(), nil
	}
	res := a.mw.Check(r)
	if !res.Allowed() && res.Err != nil && ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err() // nobody waits for the answer
	}
	if !res.Allowed() {
		return a.denied(r, res), nil
	}
	return a.admitted(r, res), nil
}

// admitted returns the answer to a request that may go on.
func (a *Authorizer) admitted(r *http.Request, res *middleware.Result) *authv3.CheckResponse {
	ok := new(authv3.OkHttpResponse)
	if !a.keep {
		a.strip(ok, r)
	}
	a.identify(ok, r, &res.Decision.Outcome)
	if !res.Skipped {
		h := http.Header{}
		res.WriteHeaders(h)
		ok.ResponseHeadersToAdd = headerOptions(h)
	}
	return &authv3.CheckResponse{
		Status:          &rpcstatus.Status{},
		HttpResponse:    &authv3.CheckResponse_OkResponse{OkResponse: ok},
		DynamicMetadata: metadataOf(&res.Decision.Outcome),
	}
}

// denied returns the answer to a request that is refused.
func (a *Authorizer) denied(r *http.Request, res *middleware.Result) *authv3.CheckResponse {
	w := &answer{header: http.Header{}}
	refusal.NoStore(w.header)
	a.refuse(w, r, res)
	return deniedAs(w, metadataOf(&res.Decision.Outcome))
}

// badRequest refuses a request that has no target, or one that net/url cannot read.
func badRequest() *authv3.CheckResponse {
	w := &answer{header: http.Header{"Content-Type": {"application/problem+json"}}, status: http.StatusBadRequest}
	refusal.NoStore(w.header)
	w.body = []byte(`{"type":"about:blank","title":"Bad Request","status":400,"detail":"The target of the request cannot be read."}`)
	return deniedAs(w, nil)
}

// codeOf returns the code that goes with the status of a refusal. Envoy only looks at
// whether it is OK. Other clients of the protocol may tell them apart.
func codeOf(status int) code.Code {
	switch status {
	case http.StatusBadRequest:
		return code.Code_INVALID_ARGUMENT
	case http.StatusUnauthorized:
		return code.Code_UNAUTHENTICATED
	case http.StatusTooManyRequests:
		return code.Code_RESOURCE_EXHAUSTED
	case http.StatusServiceUnavailable:
		return code.Code_UNAVAILABLE
	case http.StatusInternalServerError:
		return code.Code_INTERNAL
	}
	return code.Code_PERMISSION_DENIED
}
