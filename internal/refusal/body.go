// Package refusal prepares responses that refuse a request: they do not wait for a body
// that may never arrive, and no cache keeps them.
package refusal

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// bodyWait is how long a response waits for the rest of a body that is on its way.
	bodyWait = 100 * time.Millisecond

	// maxBody is how many bytes of such a body are read. net/http has the same bound.
	maxBody = 256 << 10
)

// HasBody reports whether r announces a body.
func HasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// Unread prepares w for a response to r whose body has not been read. Call it just before
// writing the final header.
//
// By itself, net/http reads up to 256 kB of the body before it writes a response, for as
// long as the client likes. Unread waits 100ms. If the rest of the body has arrived by
// then, the connection stays open for the next request. Otherwise the server writes the
// response at once, reads no more, and closes the connection half a second later.
//
// If w has no read deadline, the response is sent at once, and the connection is held
// until the server's ReadTimeout ends.
func Unread(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || !HasBody(r) { // over HTTP/2 a response does not wait
		return
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(bodyWait)) != nil {
		w.Header().Set("Connection", "close")
		return
	}
	if readable(r) && drained(r.Body) {
		// net/http does the same after the end of a body
		_ = control.SetReadDeadline(time.Time{})
		return
	}
	CloseAfter(w)
	_ = control.SetReadDeadline(time.Now())
}

// readable reports whether to read the body of r. A client that waits for "100 Continue"
// has not sent it.
func readable(r *http.Request) bool {
	return r.ContentLength <= maxBody && r.Header.Get("Expect") == ""
}

// drained reads the rest of a body and reports whether it reached the end. net/http
// handles a body that is closed.
func drained(body io.Reader) bool {
	_, err := io.CopyN(io.Discard, body, maxBody+1)
	return err == io.EOF || errors.Is(err, http.ErrBodyReadAfterClose)
}

// CloseAfter makes the server close the connection after the response. The client has
// time to read the response, even if it is still sending. Call CloseAfter before writing
// the header.
func CloseAfter(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	for {
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = inner.Unwrap()
	}
	// Only MaxBytesReader can ask the server for this, and only when a body exceeds its
	// limit. Here one byte exceeds a limit of zero.
	one := http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0)
	_, _ = io.Copy(io.Discard, one)
}

// Within bounds the reading of r's body until stop is called: after d, every read fails.
// It is for bodies that are read before their sender is authenticated. Call stop once,
// before the handler of w returns. An earlier deadline stays in force.
func Within(w http.ResponseWriter, r *http.Request, d time.Duration) (stop func()) {
	if !HasBody(r) {
		return func() {}
	}
	control, over := http.NewResponseController(w), make(chan struct{})
	timer := time.AfterFunc(d, func() {
		defer close(over)
		_ = control.SetReadDeadline(time.Now())
	})
	return func() {
		if !timer.Stop() {
			<-over // w must not be used after the handler
		}
	}
}
