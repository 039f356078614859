package fronttest

import (
	"testing"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// A Route is one of the three routes that every Front serves.
type Route string

const (
	Reports Route = "reports" // has a throttle of its own in some plans
	Pets    Route = "pets"
	Health  Route = "health" // needs no key
)

// These are the keys of a Service. A call names one of them, or has no key.
const (
	Alice    = "alice"    // is under the plan of the case
	Bob      = "bob"      // is under the plan of the case, with an allowance of its own
	Planless = "planless" // has no plan
	Disabled = "disabled"
	Expired  = "expired"
	Stranger = "stranger" // a well-formed secret that no key has
	Garbled  = "garbled"  // a secret of another form
)

// A Call is what a client sends.
type Call struct {
	Route Route
	Key   string // one of the names above; empty if there is none
	Also  string // another key, sent in another place, if it is not empty

	ID    string // of the request, see gate.Request.ID
	Class string
	Cost  int64 // of the unit tokens

	Do Deed // what the handler does
}

// A Deed is what a handler does before it answers. The zero Deed is nothing.
type Deed struct {
	Fail    bool  // answers with an internal error: 500, or code Internal
	Panic   bool  // panics
	Refund  bool  // gives the charge back
	Settles bool  // settles the tokens at Settle
	Settle  int64 // see Settles
}

// A Kind says how a call was answered.
type Kind string

// The kinds of answers, with the status of HTTP and the code of gRPC.
const (
	Admitted        Kind = "admitted"        // the handler has answered
	Failed          Kind = "failed"          // by its handler: 500, Internal, or cut off
	Unauthenticated Kind = "unauthenticated" // 401, Unauthenticated
	Ambiguous       Kind = "ambiguous"       // two keys: 400 or 401, Unauthenticated
	Forbidden       Kind = "forbidden"       // 403, PermissionDenied
	Throttled       Kind = "throttled"       // 429, ResourceExhausted, by a throttle
	Quota           Kind = "quota"           // 429, ResourceExhausted, by a quota
	Unavailable     Kind = "unavailable"     // 503, Unavailable
)

// An Answer is what a client receives.
type Answer struct {
	Kind Kind

	// Wait is the wait that the answer names, in Retry-After or in RetryInfo. It is 0 if the
	// answer names none.
	Wait time.Duration

	// Remaining is what remains of the limits by name, as the RateLimit fields or similar
	// metadata show it. It is nil if the answer shows none.
	Remaining map[string]int64
}

// Handled is what a handler of a Front knows of its call. It passes that to
// Service.Serve.
type Handled struct {
	Route      Route
	Decision   *gate.Decision // nil if the context has none
	Credential string         // the secrets that the handler can see
	Settle     func(usageplan.Costs) error
	Refund     func() error
}

// Options are the settings of one case. They mean what the fields of middleware.Config of
// similar names mean.
type Options struct {
	StripCredential bool
	Refund          bool // failures are refunded: 500, Internal, a panic
}

// A Front is a way to serve a Service.
type Front struct {
	// Names are the names of the routes in plans.
	Names map[Route]string

	// Shows reports that answers have Remaining.
	Shows bool

	// Recovers reports that a server of this Front outlives a handler that panics.
	Recovers bool

	// Start starts a server for s, and returns a function that sends it a call. The server
	// uses s.Gate, charges s.Costs, s.ID and s.Class, and takes Health for public. Its
	// handlers call s.Serve, and answer with an internal error if that returns one. The
	// server stops at the end of the test.
	Start func(t *testing.T, s *Service, o Options) func(*testing.T, Call) Answer
}
