package middleware

import (
	"crypto/rand"
	"net/http"
	"strconv"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/store"
)

// WriteAWS answers a refused request as Amazon API Gateway does, for clients that expect
// its statuses and bodies:
//
//   - 403 {"message":"Forbidden"}: the key is missing, unknown, disabled or expired, has
//     no plan here, or one of its groups does not exist. Or there is more than one key.
//   - 429 {"message":"Too Many Requests"}: the throttle is used up, whatever
//     Config.SharedStatus says.
//   - 429 {"message":"Limit Exceeded"}: a quota is used up.
//   - 500 and 503, with a message of the same form.
//
// The name of the exception is in x-amzn-ErrorType. Unlike in AWS, a 429 has Retry-After
// and the RateLimit fields that Config asks for. It has no Retry-After if waiting does
// not help, because the request costs more than a limit can ever hold, or because the
// plan blocks everything.
//
// WriteAWS writes nothing if the request was admitted.
//
// Source: "Gateway response types for API Gateway" in the Amazon API Gateway Developer
// Guide.
func (res *Result) WriteAWS(w http.ResponseWriter) {
	if res.Allowed() {
		return
	}
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
	if res.Insecure {
		return http.StatusForbidden, "ForbiddenException", "Forbidden"
	}
	switch why := res.Decision.Reason; res.Status {
	case http.StatusTooManyRequests, http.StatusForbidden:
		switch why {
		case gate.NoPlan, gate.NoGroup, gate.ScopeMissing, gate.AddressRefused:
			return http.StatusForbidden, "ForbiddenException", "Forbidden"
		case gate.QuotaExceeded:
			return http.StatusTooManyRequests, "LimitExceededException", "Limit Exceeded"
		case gate.NeverFits:
			if res.quotaNeverFits() {
				return http.StatusTooManyRequests, "LimitExceededException", "Limit Exceeded"
			}
		}
		return http.StatusTooManyRequests, "TooManyRequestsException", "Too Many Requests"
	case http.StatusUnauthorized, http.StatusBadRequest:
		return http.StatusForbidden, "ForbiddenException", "Forbidden"
	case http.StatusServiceUnavailable:
		if why == gate.Throttled {
			return http.StatusTooManyRequests, "TooManyRequestsException", "Too Many Requests"
		}
		return http.StatusServiceUnavailable, "ServiceUnavailableException", "Service Unavailable"
	}
	return http.StatusInternalServerError, "InternalServerErrorException", "Internal server error"
}

// quotaNeverFits reports whether only quotas make the request impossible to admit.
func (res *Result) quotaNeverFits() (quota bool) {
	for l := range res.Decision.Refusals() {
		if l.Wait == store.Never {
			if !l.IsQuota() {
				return false
			}
			quota = true
		}
	}
	return quota
}
