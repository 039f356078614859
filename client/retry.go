package client

import (
	"io"
	"net/http"
	"time"
)

// attempt is the state of a request that may be sent several times.
type attempt struct {
	host    string
	ticket  uint64        // its place in the queue
	left    time.Duration // of Config.MaxWait
	number  int           // how often it was sent
	seq     uint64        // its number among those sent by the partition
	before  int64         // how many others were in flight when it was sent
	began   time.Time     // when it was sent
	status  int           // of the answer
	refused bool          // the server did not process it
}

// read sets what the answer says about the request.
func (r *attempt) read(status int, a *answer) {
	r.status = status
	r.refused = status == http.StatusTooManyRequests ||
		status == http.StatusForbidden && (a.retries || a.empty)
}

// hold returns for how long all requests are held back after the answer. A refusal that
// says nothing about time holds for 1s, and twice as long after each further one.
func (r *attempt) hold(a *answer) (wait time.Duration, ok bool) {
	switch {
	case !r.refused && r.status != http.StatusServiceUnavailable:
		return 0, false
	case a.retries:
		return a.retryAfter, true
	case !r.refused || used(a.limits):
		return 0, false
	}
	return time.Second << min(r.number-1, 10), true
}

// used reports whether one of limits is used up, and says until when.
func used(limits []limit) bool {
	for i := range limits {
		if limits[i].left == 0 && limits[i].resets {
			return true
		}
	}
	return false
}

// again reports whether a request may be sent again after the answer.
func (r *attempt) again(req *http.Request, a *answer) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	return r.refused || r.status == http.StatusServiceUnavailable && a.retries && idempotent(req)
}

// idempotent reports whether a request may be processed twice.
func idempotent(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Header.Get("Idempotency-Key") != ""
}

// Of an unused answer at most maxDrain bytes are read, for at most drainTime, so that its
// connection can be used again. A server that never ends its refusal must not hold the
// request.
const (
	maxDrain  = 64 << 10
	drainTime = 100 * time.Millisecond
)

func discard(resp *http.Response) {
	timer := time.AfterFunc(drainTime, func() { _ = resp.Body.Close() })
	defer timer.Stop()
	_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
	_ = resp.Body.Close()
}
