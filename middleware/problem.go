package middleware

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// These problem types are those of draft-ietf-httpapi-ratelimit-headers-11. They have the
// member "violated-policies". A title belongs to its type and is constant (RFC 9457
// section 3.1.3).
const (
	quotaExceeded      = "https://iana.org/assignments/http-problem-types#quota-exceeded"
	quotaExceededTitle = "Quota Exceeded"

	reducedCapacity      = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
	reducedCapacityTitle = "Temporary Reduced Capacity"
)

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

	// Errors has every fault of a query.
	Errors []parameterFault `json:"errors,omitzero"`
}

// problemLimit is a limit that refused.
type problemLimit struct {
	Payer string `json:"payer"`         // a gate.PayerKind
	ID    string `json:"id,omitzero"`   // of a group, only with Config.ShowGroups
	Limit string `json:"limit"`         // the name, without that of the group
	Unit  string `json:"unit,omitzero"` // left out if it is usageplan.Requests
}

// newProblem returns a problem that has no type beyond its status.
func newProblem(status int, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// WriteProblem answers a refused request with the header fields and the status of the
// Result, and a body of problem details. It writes nothing if the request was admitted.
func (res *Result) WriteProblem(w http.ResponseWriter) {
	if res.Allowed() {
		return
	}
	res.release(w)
	res.WriteHeaders(w.Header())
	p := newProblem(res.Status, "")
	if isLimit(res.Decision.Reason) {
		p.Violated, p.Limits = res.violated()
	}
	shared := ""
	if len(p.Limits) > 0 {
		shared = sharers[p.Limits[0].Payer] // the limits of the key come first, if any refused
	}
	switch {
	case res.retryAfter() == 0 || !isLimit(res.Decision.Reason):
	case refusedByAll(&res.Decision.Outcome):
		p.Type, p.Title = reducedCapacity, reducedCapacityTitle
	case shared == "" || len(p.Violated) > 0:
		p.Type, p.Title = quotaExceeded, quotaExceededTitle
	}
	p.Detail = res.detail(shared)
	p.write(w)
}

// isLimit reports whether a limit refused.
func isLimit(why gate.Reason) bool {
	return why == gate.Throttled || why == gate.QuotaExceeded || why == gate.NeverFits
}

// refusedByAll reports whether a throttle refused that all clients share: that of the API
// stage or of the account.
func refusedByAll(o *gate.Outcome) bool {
	by, refused := o.RefusedBy()
	return refused && (by.Kind == gate.PayerStage || by.Kind == gate.PayerAccount)
}

// detail returns a sentence for people. shared says which clients share the limit that
// refused, if it is not the key's own.
func (res *Result) detail(shared string) string {
	limited := isLimit(res.Decision.Reason)
	switch {
	case res.Insecure:
		return "API keys are accepted over HTTPS only. A key that was sent over plain HTTP is exposed: replace it."
	case res.Status == http.StatusUnauthorized:
		return "A valid API key is required."
	case res.Status == http.StatusBadRequest:
		return "The request has more than one API key."
	case res.Status == http.StatusForbidden:
		return res.forbidden(shared)
	case res.Decision.Reason == gate.NotCached:
		return fmt.Sprintf("Too many requests from this address had no valid API key. Try again in %d s.", res.retryAfter())
	case limited:
		limit := "A limit of the plan"
		if shared != "" {
			limit = fmt.Sprintf("A limit that %s share", shared)
		}
		return fmt.Sprintf("%s is reached. Try again in %d s.", limit, res.retryAfter())
	case res.Status == http.StatusServiceUnavailable:
		return "The API key or its limits could not be checked."
	}
	return "The service failed to determine the costs of the request, its class or its caller."
}

// forbidden returns the detail of a 403.
func (res *Result) forbidden(shared string) string {
	if shared != "" {
		return fmt.Sprintf("A limit that %s share can never allow this request.", shared)
	}
	switch res.Decision.Reason {
	case gate.NeverFits:
		return "The request exceeds what the plan can ever allow."
	case gate.ScopeMissing:
		if scope := res.missingScope(); scope != "" {
			return fmt.Sprintf("This API key does not have the scope %s.", scope)
		}
		return "This API key does not have the scope that the request needs."
	case gate.AddressRefused:
		return "This API key may not be used from this address."
	}
	return "This API key has no plan for this API."
}

// sharers says which clients share the limits of a payer, by its kind. A key shares its
// limits with none.
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

// write answers a request with p.
func (p *problem) write(w http.ResponseWriter) {
	body, _ := json.Marshal(p) // never fails
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client may be gone
}

// violated returns the limits that refused, and the names of those among them that
// RateLimit-Policy has. If the request can never be admitted, it returns only the limits
// that cause this.
func (res *Result) violated() (names []string, limits []problemLimit) {
	o := &res.Decision.Outcome
	inFields := hasLevels(o) && !res.mw.cfg.OmitHeaders
	for l := range o.Refusals() {
		if o.Reason == gate.NeverFits && l.Wait != store.Never {
			continue
		}
		limit := problemLimit{Payer: l.Payer.Kind.String(), Limit: policyName(&l.Limit)}
		if l.Unit != usageplan.Requests {
			limit.Unit = l.Unit
		}
		inGroup := l.Payer.Kind == gate.PayerGroup
		if inGroup && res.mw.cfg.ShowGroups {
			limit.ID = l.Payer.ID
		}
		limits = append(limits, limit)

		switch {
		case !inFields || !res.shows(l.Payer):
		case inGroup:
			names = append(names, groupPolicy(&l))
		default:
			names = append(names, limit.Limit)
		}
	}
	return names, limits
}

// hasLevels reports whether it is known where the limits of the key and its groups stand.
// It is not known if the Counter failed. Then the RateLimit fields show no limits.
func hasLevels(o *gate.Outcome) bool {
	for range o.Levels() {
		return true
	}
	for range o.GroupLevels() {
		return true
	}
	return false
}
