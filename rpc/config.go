package rpc

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// ErrInvalid is wrapped by every error that reports a bad Config.
var ErrInvalid = errors.New("rpc: invalid")

// Config configures an Enforcer. The zero Config is ready for use. A field means what the
// field of the same name in middleware.Config means. Many calls use its functions at the
// same time.
//
// Security: calls without TLS are served. To refuse them, give a gRPC server the
// credentials of TLS, and serve a Connect handler over TLS only.
type Config struct {
	// Credential finds the credential of a call. Its error wraps middleware.ErrCredential if
	// the credential is bad, and otherwise says that something failed. The Header of the
	// Credential names the metadata that held it. A function that authenticates calls in its
	// own way, such as by a client certificate, returns a KeyID.
	//
	// By default the key is the metadata "x-api-key", or the token of the metadata
	// "authorization" with the scheme Bearer. A call with both is refused.
	Credential func(*Call) (middleware.Credential, error)

	// API and Stage name the API stage that the service is. Set both or neither. See
	// usageplan.Plan.Stages.
	API, Stage string

	// Public lists the methods that need no key, such as "/grpc.health.v1.Health/Check".
	// "/grpc.health.v1.Health/*" stands for all methods of the service. Health checks and
	// reflection need a key unless they are listed here.
	Public []string

	// Costs returns what a call uses of the units in gate.Config.Units. Beside these every
	// call is charged one request. If nil, a call uses nothing of the units.
	Costs func(*Call) usageplan.Costs

	// Class returns the class of a call. If nil, or if it returns "", a call has none. See
	// the caution at middleware.Config.Class.
	Class func(*Call) string

	// RouteScopes names the scopes that methods need, such as "orders:read", by the names of
	// the methods as in Public. A key without the scope is refused with PermissionDenied,
	// before anything is charged: see apikey.Key.Scopes. The name of a method goes before
	// that of all methods of its service.
	//
	// Caution: a key without Scopes may use only the methods that need none.
	RouteScopes map[string]string

	// Scope returns the scope that a call needs if RouteScopes does not name its method. If
	// nil, or if it returns "", the call needs none.
	Scope func(*Call) string

	// Free reports whether a call is charged nothing. It is then admitted even if the limits
	// are used up. If nil, no call is free.
	Free func(*Call) bool

	// ID returns an identifier of the call, so that the call is charged once however often
	// it is retried. If nil, or if it returns "", every attempt is charged. It is not asked
	// about messages of streams.
	//
	// Security: read gate.Request.ID before you let clients choose IDs.
	ID func(*Call) string

	// Messages selects the messages of streams that are charged: Received, Sent, or both.
	// Each is decided on its own, so a counter in Redis has a round trip for each. By
	// default only the opening of a stream is charged.
	Messages Messages

	// MessageCosts returns what a message of a stream uses of the units. If it is set, a
	// message is no request: only these costs are charged, in one step. Call.Size is the
	// cost in bytes. See middleware.Middleware.ChargeMore.
	//
	// If nil, each message is charged as one request, with Costs.
	MessageCosts func(*Call) usageplan.Costs

	// Refund reports whether the charge of a call is given back after an answer with this
	// code. If nil, nothing is refunded. A handler that panics counts as Internal. The
	// messages of a stream stay charged. Nothing is refunded if the handler has settled the
	// charge.
	//
	// Nothing is refunded either if the client has cancelled the call, or if the deadline of
	// the call has passed, which the client chooses. Otherwise clients could avoid paying.
	Refund func(Code) bool

	// Settle returns what a call has used of the units, when it has ended. Costs returns an
	// estimate before. So a stream can be charged for its bytes once, at the end. To leave
	// the charge as it is, Settle returns End.Costs. It corrects what was charged for the
	// opening of a stream, and not what was charged for messages.
	//
	// Settle is not asked if Refund gives the charge back. Its result has no effect if the
	// handler has settled the charge. If nil, nothing is settled here.
	Settle func(*End) usageplan.Costs

	// Guesses bounds the look-ups of refused secrets by the address of the client. It is on
	// by default. A client over the bound is answered with ResourceExhausted.
	Guesses middleware.GuessConfig

	// StripCredential hides the credential from handlers, which get no metadata of that
	// name.
	StripCredential bool

	// OmitHeaders leaves out the RateLimit fields, which are metadata of the answer
	// otherwise.
	OmitHeaders bool

	// ShowGroups shows clients the limits of the groups above the key.
	//
	// Security: set it only if each client may know what its organisation uses.
	ShowGroups bool

	// Jitter adds 0 to Jitter to the waits for quotas. It is at most 1h. The default is 0.
	Jitter time.Duration

	// LimitCode is the code of a call that a limit refuses. It is ResourceExhausted or
	// Unavailable. The default is ResourceExhausted.
	//
	// Caution: many clients repeat a call at once after Unavailable.
	LimitCode Code

	// Trusted are the networks of the proxies that are believed when they name the client's
	// address in the metadata, and Forwarded says that they write Forwarded and not
	// X-Forwarded-For. The address matters for keys that have apikey.Key.Networks, and for
	// Guesses.
	Trusted   []netip.Prefix
	Forwarded bool

	// Logger receives what middleware.Config.Logger receives, except the warning of keys
	// that come over plain HTTP. If nil, nothing is logged.
	Logger *slog.Logger
}

// Messages is a set of the messages of a stream.
type Messages uint8

// These are the members of Messages.
const (
	Received Messages = 1 << iota // the messages that the client sends
	Sent                          // the messages that the service sends
)

func (cfg *Config) faults() (errs []error) {
	for i, name := range cfg.Public {
		if !isName(name) {
			errs = append(errs, fmt.Errorf("public[%d]: %.200q: want a form like %q or %q", i, name, "/pets.v1.Pets/Get", "/pets.v1.Pets/*"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.RouteScopes)) {
		if !isName(name) {
			errs = append(errs, fmt.Errorf("routeScopes: %.200q: want a form like %q or %q", name, "/pets.v1.Pets/Get", "/pets.v1.Pets/*"))
		}
		errs = append(errs, fault.In(fmt.Sprintf("routeScopes[%q]", name), apikey.CheckScope(cfg.RouteScopes[name])))
	}
	if cfg.Messages > Received|Sent {
		errs = append(errs, fmt.Errorf("messages: %d: want Received, Sent, or both", cfg.Messages))
	}
	if cfg.MessageCosts != nil && cfg.Messages == 0 {
		errs = append(errs, errors.New("messageCosts: it is never asked: set messages, too"))
	}
	switch cfg.LimitCode {
	case 0, ResourceExhausted, Unavailable:
	default:
		errs = append(errs, fmt.Errorf("limitCode: %d: want ResourceExhausted or Unavailable", cfg.LimitCode))
	}
	return errs
}

// isName reports whether a name is that of a method, or that of all methods of a service.
func isName(name string) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if !ok || name[0] != '/' || service == "" || method == "" {
		return false
	}
	return !strings.ContainsAny(service, " \t*") && (method == "*" || !strings.ContainsAny(method, " \t*/"))
}

// An End is what is known of a call when it has ended.
type End struct {
	*Call
	Code Code

	// Response is the answer of a unary call. It is nil if the call has failed, and for a
	// stream.
	Response any

	// Costs is what was charged for the call, or for the opening of a stream.
	Costs usageplan.Costs

	// Received and Sent count the messages of the call. Without Config.Settle, they are not
	// counted.
	Received, Sent Traffic
}

// A Traffic counts messages and their bytes. Messages of unknown size have 0 bytes.
type Traffic struct{ Messages, Bytes int64 }
