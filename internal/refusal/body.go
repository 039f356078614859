// Package refusal prepares answers that refuse a request: they do not wait for a body
// that may never come, and no cache keeps them.
package refusal

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// patience is how long an answer waits for the rest of a body that is on its way.
	patience = 100 * time.Millisecond

	// most is how many bytes of such a body are read. net/http has the same bound.
	most = 256 << 10
)

// HasBody reports whether r announces a body, as far as its server knows.
func HasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// Unread prepares w for an answer to r that has not read the body. Call it just before
// the final header is written.
//
// By itself, net/http reads up to 256 kB of the body before it writes an answer, for as
// long as the client likes. Unread waits a tenth of a second. If the rest of the body has
// come by then, the connection stays open for the next request. If not, the server writes
// the answer at once, closes the connection half a second later, and reads no more.
//
// If w has no read deadline, the answer goes out at once, and the connection is held
// until the server's ReadTimeout ends.
func Unread(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || !HasBody(r) { // over HTTP/2 an answer waits for nothing
		return
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(patience)) != nil {
		w.Header().Set("Connection", "close")
		return
	}
	if readable(r) && drained(r.Body) {
		_ = control.SetReadDeadline(time.Time{}) // as net/http has it after the end of a body
		return
	}
	CloseAfter(w)
	_ = control.SetReadDeadline(time.Now())
}

// readable reports whether it makes sense to read the body of r: a client that waits for
// "100 Continue" has not sent it.
func readable(r *http.Request) bool {
	return r.ContentLength <= most && r.Header.Get("Expect") == ""
}

// drained reads the rest of a body, and reports whether it came to the end. Of a body
// that is closed net/http takes care.
func drained(body io.Reader) bool {
	_, err := io.CopyN(io.Discard, body, most+1)
	return err == io.EOF || errors.Is(err, http.ErrBodyReadAfterClose)
}

// CloseAfter has the server close the connection after the answer, gently: the client has
// time to read the answer though it is still sending. Call it before the header is
// written.
func CloseAfter(w http.ResponseWriter) {
	w.Header().Set("Connection", "close")
	for {
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = inner.Unwrap()
	}
	// MaxBytesReader alone can tell the server, and only when a body exceeds its limit. Here
	// one byte exceeds a limit of none.
	one := http.MaxBytesReader(w, io.NopCloser(strings.NewReader("x")), 0)
	_, _ = io.Copy(io.Discard, one)
}

// Within bounds the reading of r's body until stop is called: after d, every read fails.
// It is for bodies that are read before their sender is known. Call stop once, before the
// handler of w returns. A deadline that is sooner stays.
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
			<-over // w must not be used later
		}
	}
}
