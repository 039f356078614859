package middleware

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
)

// quotaExceeded is a problem type of draft-ietf-httpapi-ratelimit-headers-10. It has the
// member "violated-policies".
const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded"

// problem is a body of application/problem+json (RFC 9457).
type problem struct {
	Type     string   `json:"type"`
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Detail   string   `json:"detail"`
	Violated []string `json:"violated-policies,omitzero"`

	// Limits has every limit that refused. Violated names only those that the RateLimit
	// fields show.
	Limits []problemLimit `json:"limits,omitzero"`
}

// problemLimit is a limit that refused. It has no ID: a client need not know in which
// group its key is.
type problemLimit struct {
	Payer string `json:"payer"`
	Limit string `json:"limit"`
}

// newProblem returns a problem that has no type beyond its status.
func newProblem(status int, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// WriteProblem answers a refused request with the header fields and the status of the
// Result, and a body of problem details.
func (res *Result) WriteProblem(w http.ResponseWriter) {
	res.release(w)
	res.WriteHeaders(w.Header())
	p := newProblem(res.Status, "")
	if res.Status == http.StatusForbidden || res.Status == http.StatusTooManyRequests {
		p.Violated, p.Limits = violated(&res.Decision.Outcome)
	}
	shared := ""
	if len(p.Violated) == 0 && len(p.Limits) > 0 {
		shared = sharers[p.Limits[0].Payer]
	}
	switch {
	case res.Status == http.StatusUnauthorized:
		p.Detail = "A valid API key is required."
	case res.Status == http.StatusForbidden && shared != "":
		p.Detail = fmt.Sprintf("A limit that %s share does not allow the request.", shared)
	case res.Status == http.StatusForbidden && res.Decision.Reason == gate.NeverFits:
		p.Detail = "The request exceeds what the plan can ever allow."
	case res.Status == http.StatusForbidden:
		p.Detail = "This API key has no plan for this API."
	case res.Status == http.StatusTooManyRequests && shared != "":
		p.Detail = fmt.Sprintf("A limit that %s share is reached. Try again in %d s.", shared, res.retryAfter())
	case res.Status == http.StatusTooManyRequests:
		p.Type, p.Title = quotaExceeded, "Quota exceeded"
		p.Detail = fmt.Sprintf("A limit of the plan is reached. Try again in %d s.", res.retryAfter())
	case res.Status == http.StatusServiceUnavailable:
		p.Detail = "The API key or its limits could not be checked."
	default:
		p.Detail = "The service failed to determine the cost of the request or its caller."
	}
	p.write(w)
}

// sharers says which clients share the limits of a payer.
var sharers = map[string]string{
	gate.PayerGroup.String():   "all keys of your organisation or team",
	gate.PayerStage.String():   "all clients of this API",
	gate.PayerAccount.String(): "all clients of this service",
}

// release lets the answer go out without waiting for the body of the refused request.
func (res *Result) release(w http.ResponseWriter) {
	if unread := res.unread; unread != nil {
		res.unread = nil
		unread(w)
	}
}

func (p *problem) write(w http.ResponseWriter) {
	body, _ := json.Marshal(p) // never fails
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client may be gone
}

// violated returns the limits that refused, and the names of those of the key, as
// RateLimit-Policy has them. If the request can never be admitted, it returns only the
// limits that cause this.
func violated(o *gate.Outcome) (names []string, limits []problemLimit) {
	for l := range o.Refusals() {
		if o.Reason == gate.NeverFits && l.Wait != store.Never {
			continue
		}
		name := policyName(&l.Limit)
		if l.Payer.Kind == gate.PayerKey && len(o.Limits()) > 0 { // as RateLimit-Policy
			names = append(names, name)
		}
		limits = append(limits, problemLimit{l.Payer.Kind.String(), name})
	}
	return names, limits
}
