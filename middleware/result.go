package middleware

import (
	"net/http"
	"time"

	"github.com/ration-go/ration/gate"
)

// Result is the answer of Check to a request. Only Check and ResultOf make one.
type Result struct {
	// Decision is the decision of the Gate. It is zero if the Gate was not asked.
	// Gate.Settle and Gate.Refund take a pointer to it. Neither the Decision nor the Result
	// may be copied, see gate.Decision.
	Decision gate.Decision

	// Status is the status code of the answer if the request is refused. It is 0 if the
	// request may go on.
	Status int

	// Skipped means that the request needs no decision here: its route is public, it is a
	// CORS preflight, or the same Gate has decided it before. See NewContext.
	Skipped bool

	// Insecure means that the request was refused because it came over plain HTTP, whatever
	// its key is. See Config.Insecure. The Decision is zero then.
	Insecure bool
	room     [62]byte // for the text of RateLimit, see keepText; fills a word with both

	// Err is the error of what failed. It is set even if the failure policy admits the
	// request. A refusal is not an error.
	Err error

	mw     *Middleware
	unread func(http.ResponseWriter) // see release; nil if it was called
	values [2]string                 // of the RateLimit fields

	authenticate string        // the value of WWW-Authenticate, or ""
	jitter       time.Duration // is added to the waits for quotas
}

// Allowed reports whether the request may go on.
func (res *Result) Allowed() bool { return res.Status == 0 }
