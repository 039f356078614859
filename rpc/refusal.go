package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Refusal is the answer to a call that is not admitted, or whose message is not.
type Refusal struct {
	Code    Code
	Message string // for people

	// Header is metadata of the answer: the fields that a refusal has in HTTP, such as
	// Retry-After, WWW-Authenticate and the RateLimit fields.
	Header http.Header

	// RetryDelay is the time until the call may be repeated. It is 0 if waiting does not
	// help.
	RetryDelay time.Duration

	// Violations are the limits that refused.
	Violations []Violation
}

// A Violation is a limit that refused a call.
type Violation struct {
	// Subject is what has the limit: "key", "group", "stage" or "account". With
	// Config.ShowGroups, the ID of a group follows it, as in "group acme".
	Subject string

	Limit string // the name of the limit, such as "month"; see gate.Limit
	Unit  string // what the limit counts, such as usageplan.Requests
	Max   int64  // what the limit allows, or 0 if that is not shown
}

// Description returns a sentence for people.
func (v *Violation) Description() string {
	return fmt.Sprintf("the limit %q of the %s is reached", v.Limit, v.Subject)
}

// Error returns the Message, so that a Refusal can be the cause of a context.
func (r *Refusal) Error() string { return r.Message }

// refusalOf returns the Refusal of a call that a Result refuses.
func (e *Enforcer) refusalOf(ctx context.Context, res *middleware.Result) *Refusal {
	if code := codeOf(ctx.Err()); res.Err != nil && code != OK {
		return &Refusal{Code: code, Message: ctx.Err().Error()}
	}
	r := &Refusal{Code: codeOfStatus(res), Header: http.Header{}}
	if r.Code == ResourceExhausted && e.cfg.LimitCode != 0 {
		r.Code = e.cfg.LimitCode
	}
	res.WriteHeaders(r.Header)
	r.RetryDelay = e.retryDelay(res, r.Header)
	r.Violations = e.violations(&res.Decision.Outcome)
	r.Message = text(res, r.RetryDelay)
	return r
}

// codeOf returns the code of the error of a context.
func codeOf(err error) Code {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, context.DeadlineExceeded):
		return DeadlineExceeded
	}
	return Canceled
}

// codeOfStatus returns the code that goes with the status of HTTP.
func codeOfStatus(res *middleware.Result) Code {
	switch res.Status {
	case http.StatusUnauthorized, http.StatusBadRequest: // 400: more than one credential
		return Unauthenticated
	case http.StatusForbidden:
		return PermissionDenied
	case http.StatusTooManyRequests:
		return ResourceExhausted
	case http.StatusServiceUnavailable:
		return Unavailable
	}
	return Internal
}

// retryDelay returns the wait of Retry-After. That has whole seconds. Without jitter, the
// exact wait of the Decision is less.
func (e *Enforcer) retryDelay(res *middleware.Result, h http.Header) time.Duration {
	seconds, _ := strconv.ParseInt(h.Get("Retry-After"), 10, 64)
	wait, exact := time.Duration(seconds)*time.Second, res.Decision.RetryAfter
	if e.cfg.Jitter == 0 && 0 < exact && exact < wait {
		return exact
	}
	return wait
}

// violations returns the limits that refused. If the call can never be admitted, it
// returns only those that cause this.
func (e *Enforcer) violations(o *gate.Outcome) (list []Violation) {
	for l := range o.Refusals() {
		if o.Reason == gate.NeverFits && l.Wait != store.Never {
			continue
		}
		v := Violation{Subject: l.Payer.Kind.String(), Limit: strings.ToValidUTF8(l.Name, "?"), Unit: l.Unit}
		if v.Unit == "" {
			v.Unit = usageplan.Requests
		}
		shown := l.Payer.Kind == gate.PayerKey
		if l.Payer.Kind == gate.PayerGroup && e.cfg.ShowGroups {
			v.Subject, shown = v.Subject+" "+l.Payer.ID, true
		}
		if shown {
			v.Max = l.Max
		}
		list = append(list, v)
	}
	return list
}

// text returns a sentence for people.
func text(res *middleware.Result, wait time.Duration) string {
	switch res.Status {
	case http.StatusBadRequest:
		return "the call has more than one API key"
	case http.StatusUnauthorized:
		return "a valid API key is required"
	case http.StatusForbidden:
		return forbidden(res.Decision.Reason)
	case http.StatusTooManyRequests:
		limit := "a rate limit is reached"
		switch res.Decision.Reason {
		case gate.QuotaExceeded:
			limit = "a quota is used up"
		case gate.NotCached:
			limit = "too many calls from this address had no valid API key"
		}
		if wait == 0 {
			return limit
		}
		return limit + ": try again in " + wait.String()
	case http.StatusServiceUnavailable:
		return "the API key or its limits could not be checked"
	}
	return "the service failed to determine the costs of the call, its class or its caller"
}

func forbidden(why gate.Reason) string {
	switch why {
	case gate.NeverFits:
		return "the call exceeds what the plan can ever allow"
	case gate.ScopeMissing:
		return "the API key lacks a scope that the method needs"
	case gate.AddressRefused:
		return "the API key may not be used from this address"
	}
	return "the API key has no plan for this service"
}

// maxPushback is the longest wait that Pushback asks a client's library to sleep for. The
// library does so within the call, whatever the program expects.
const maxPushback = 10 * time.Second

// Pushback returns the value of the metadata grpc-retry-pushback-ms for the answer of a
// server that speaks gRPC (gRFC A6). A client whose service config has a retry policy
// waits that long, and not less. After "-1", which stands for more than 10s, it does not
// retry. Pushback returns "" for an answer that is not about waiting.
func (r *Refusal) Pushback() string {
	switch {
	case r.RetryDelay == 0:
		return ""
	case r.RetryDelay > maxPushback:
		return "-1"
	}
	return strconv.FormatInt(int64((r.RetryDelay+time.Millisecond-1)/time.Millisecond), 10)
}
