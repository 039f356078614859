package gate

import (
	"errors"
	"fmt"
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

	// At is the time of the request, as time.Now returned it. If zero, the Gate reads the
	// clock. How long keys and plans stay cached goes by the Gate's own clock, whatever At
	// says.
	At time.Time
}

// MaxID is the largest length of a Request's ID, in bytes.
const MaxID = 512

// fault returns what is wrong with req. A Peek may leave out units that are Required.
//
// Every decision calls fault, so one condition checks a request of a service without
// units. Only other requests go through faults.
func (req *Request) fault(cfg *Config, charge bool) error {
	if len(cfg.Units) == 0 && req.Class == "" && req.Costs == (usageplan.Costs{}) && (req.Secret == "" || req.KeyID == "") && len(req.ID) <= MaxID {
		return nil
	}
	return req.faults(cfg, charge)
}

func (req *Request) faults(cfg *Config, charge bool) error {
	var errs []error
	if req.Secret != "" && req.KeyID != "" {
		errs = append(errs, errors.New("secret, keyID: want one, not both"))
	}
	if err := cfg.Units.ValidateCosts(&req.Costs, charge); err != nil {
		errs = append(errs, fault.In("", err))
	}
	if req.Class != "" {
		if err := cfg.Classes.Check(req.Class); err != nil {
			errs = append(errs, err)
		}
	}
	if n := len(req.ID); n > MaxID {
		errs = append(errs, fmt.Errorf("id: %d bytes: want at most %d", n, MaxID))
	}
	return fault.Report(ErrInvalid, "request", errs...)
}
