package middleware

import (
	"crypto/rand"
	"net/http"
	"strconv"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/store"
)

// WriteAWS answers a request that was refused as Amazon API Gateway does, for clients
// that look for its statuses and bodies:
//
//   - 403 {"message":"Forbidden"}: the key is missing, unknown, disabled, expired or
//     without a plan here;
//   - 429 {"message":"Too Many Requests"}: the throttle is used up;
//   - 429 {"message":"Limit Exceeded"}: a quota is;
//   - 500 and 503, with a message of the same form.
//
// The exception is in x-amzn-ErrorType. Unlike AWS's, a 429 has the RateLimit fields that
// Config asks for, and Retry-After, but where waiting does not help: the request costs
// more than a limit ever holds, or the plan blocks.
//
// Source: "Gateway response types for API Gateway" of the Amazon API Gateway Developer
// Guide.
func (res *Result) WriteAWS(w http.ResponseWriter) {
	res.release(w)
	status, kind, message := res.aws()
	h := w.Header()
	if status != http.StatusForbidden {
		res.WriteHeaders(h)
	}
	refusal.NoStore(h)
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Errortype", kind)
	h.Set("X-Amzn-Requestid", rand.Text())
	body := `{"message":"` + message + `"}`
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the client may be gone
}

func (res *Result) aws() (status int, kind, message string) {
	switch res.Status {
	case http.StatusTooManyRequests, http.StatusForbidden:
		switch res.Decision.Reason {
		case gate.NoPlan:
			return http.StatusForbidden, "ForbiddenException", "Forbidden"
		case gate.QuotaExceeded:
			return http.StatusTooManyRequests, "LimitExceededException", "Limit Exceeded"
		case gate.NeverFits:
			if res.quotaNeverFits() {
				return http.StatusTooManyRequests, "LimitExceededException", "Limit Exceeded"
			}
		}
		return http.StatusTooManyRequests, "TooManyRequestsException", "Too Many Requests"
	case http.StatusUnauthorized:
		return http.StatusForbidden, "ForbiddenException", "Forbidden"
	case http.StatusServiceUnavailable:
		return http.StatusServiceUnavailable, "ServiceUnavailableException", "Service Unavailable"
	}
	return http.StatusInternalServerError, "InternalServerErrorException", "Internal server error"
}

// quotaNeverFits says whether it is quotas alone that can never admit the request.
func (res *Result) quotaNeverFits() (quota bool) {
	for l := range res.Decision.Levels() {
		if l.Wait == store.Never {
			if !l.IsQuota() {
				return false
			}
			quota = true
		}
	}
	return quota
}
