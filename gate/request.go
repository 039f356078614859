package gate

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/usageplan"
)

// A Request describes what is to be decided: the key, the route and the cost.
type Request struct {
	// Secret is the credential as the client sent it. Set KeyID instead if the caller is
	// already authenticated. Setting both is an error.
	Secret apikey.Secret
	KeyID  string

	// API and Stage name the API stage. Route is the canonical name of the route. All may
	// be empty.
	API, Stage, Route string

	// Scope is what the key must be allowed to do, such as "orders:read". A key without it
	// is refused with ScopeMissing: see apikey.Key.Scopes. If empty, the request needs none.
	// If apikey.CheckScope refuses it, the error wraps ErrInvalid.
	Scope string

	// Addr is the address of the client. A key that has apikey.Key.Networks is refused with
	// AddressRefused if none of them contains Addr, or if Addr is invalid.
	//
	// Security: give an address that the client cannot choose: that of the connection, or
	// one that a proxy of yours has written.
	Addr netip.Addr

	// RemoteAddr stands for an Addr that is invalid, in the form of http.Request.RemoteAddr:
	// an address, with a port or without. It is read only if the key has Networks, so it
	// costs other requests nothing.
	RemoteAddr string

	// Class is what the service says of the request, such as a model or a feature. The
	// limits that a plan has for the class in usageplan.Plan.For count, beside all others.
	// If the Class is not empty and breaks the rules of usageplan.Plan.For, the error wraps
	// ErrInvalid.
	Class string

	// Costs is what the request uses of each unit in Config.Units, in their order. Beside
	// them every request uses one of usageplan.Requests. Use Peek to ask without a charge.
	//
	// If a cost is not 0 to store.MaxUnits, is 0 of a unit that is Required, or is of a unit
	// that is not declared, the error wraps ErrInvalid.
	//
	// Caution: a cost of 0 fits every limit of its unit, even one that is used up. If a cost
	// is known only afterwards, charge an estimate of at least 1, and correct it with
	// Gate.Settle.
	Costs usageplan.Costs

	// ID makes the request idempotent. However often a request with this ID is tried
	// within Config.KeepIDs, it is charged once. Suitable IDs are the number of an order
	// or of a message. An ID has at most MaxID bytes. If empty, every try is charged. Each
	// ID takes room in the subject's counts.
	//
	// Security: a client that chooses the ID can get several requests for the price of
	// one, unless the service answers a repeated request with its first answer.
	ID string

	// More says that the request was admitted before, and that Costs are its further costs,
	// such as those of the next message of a stream. The limits of these units decide, and
	// are charged, in one step. No further request is counted: limits of requests and shared
	// throttles neither refuse nor are charged. The key is checked again. A cost may be 0
	// even of a unit that is Required.
	//
	// If a request that is More has an ID, the error wraps ErrInvalid.
	More bool

	// OnlyCached refuses a secret that the Gate does not know as good, with the Reason
	// NotCached and without a look-up. It is for clients that have guessed too often. A key
	// that is cached as usable is decided as usual, and is read again when it is due. So is
	// one that has left the cache because it has changed.
	//
	// Security: unknown, disabled and expired keys and malformed secrets are all NotCached,
	// and so is a good key that this process has not seen. No client can tell them apart.
	OnlyCached bool

	// At is the time of the request, as time.Now returned it. If zero, the Gate reads the
	// clock. How long keys and plans stay cached goes by the Gate's own clock, whatever At
	// says.
	At time.Time
}

// MaxID is the largest length of a Request's ID, in bytes.
const MaxID = 512

// refusal returns the Reason of a request whose key is refused: NotCached if the request
// is OnlyCached, and otherwise why.
func (req *Request) refusal(why Reason) Reason {
	if req.OnlyCached {
		return NotCached
	}
	return why
}

// requests returns how many requests req counts as.
func (req *Request) requests() int64 {
	if req.More {
		return 0
	}
	return 1
}

// fault returns what is wrong with req. A Peek may leave out units that are Required.
//
// Every decision calls fault, so one condition checks a request of a service without
// units. Only other requests go through faults.
func (req *Request) fault(cfg *Config, charge bool) error {
	if len(cfg.Units) == 0 && req.Class == "" && req.Scope == "" && req.Costs == (usageplan.Costs{}) && (req.Secret == "" || req.KeyID == "") && len(req.ID) <= MaxID && !req.More {
		return nil
	}
	return req.faults(cfg, charge)
}

func (req *Request) faults(cfg *Config, charge bool) error {
	var errs []error
	if req.Secret != "" && req.KeyID != "" {
		errs = append(errs, errors.New("secret, keyID: want one, not both"))
	}
	if err := cfg.Units.ValidateCosts(&req.Costs, charge && !req.More); err != nil {
		errs = append(errs, fault.In("", err))
	}
	if req.Class != "" {
		if err := cfg.Classes.Check(req.Class); err != nil {
			errs = append(errs, err)
		}
	}
	if req.Scope != "" {
		if err := apikey.CheckScope(req.Scope); err != nil {
			errs = append(errs, fault.In("", err))
		}
	}
	if n := len(req.ID); n > MaxID {
		errs = append(errs, fmt.Errorf("id: %d bytes: want at most %d", n, MaxID))
	}
	if req.More && req.ID != "" {
		errs = append(errs, fmt.Errorf("id: %d bytes: want none if more is set", len(req.ID)))
	}
	return fault.Report(ErrInvalid, "request", errs...)
}
