package gate

import (
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
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

	// Cost is what the quotas and the usage record are charged. The default is 1, so that
	// a cost that was forgotten does not make requests free. Use Peek to ask without a
	// charge. If Cost is negative, the error wraps ErrInvalid.
	Cost int64

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

// fault returns what is wrong with req. One condition checks a valid request, since every
// decision calls fault. Only an invalid one goes through faults.
func (req *Request) fault() error {
	if req.Cost >= 0 && (req.Secret == "" || req.KeyID == "") && len(req.ID) <= MaxID {
		return nil
	}
	return req.faults()
}

func (req *Request) faults() error {
	var errs []error
	if req.Secret != "" && req.KeyID != "" {
		errs = append(errs, errors.New("secret, keyID: want one, not both"))
	}
	if req.Cost < 0 {
		errs = append(errs, fmt.Errorf("cost: %d: want 0 or more", req.Cost))
	}
	if n := len(req.ID); n > MaxID {
		errs = append(errs, fmt.Errorf("id: %d bytes: want at most %d", n, MaxID))
	}
	return fault.Report(ErrInvalid, "request", errs...)
}
