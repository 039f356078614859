package middleware

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/ration-go/ration/internal/refusal"
)

// recorder remembers the status of a response, and completes the header when the final
// one goes out. It is an http.Hijacker, io.ReaderFrom and io.StringWriter, which handlers
// find by a type assertion, and fails with http.ErrNotSupported where the writer beneath
// cannot do it. http.ResponseController finds the rest through Unwrap. What streaming
// adds is claimed only where the writer beneath has it.
type recorder struct {
	http.ResponseWriter
	fields        fields
	body          *watchedBody // of the next handler's request; nil: it has none, or nobody needs to know
	status        int32        // zero: nothing final was sent yet
	interim       bool         // an interim response was sent, such as 103
	authorization bool         // the request has an Authorization field
}

// fields are the header fields that tell a client where it stands; or a refusing, whose
// header is its own business.
type fields interface {
	WriteHeaders(http.Header)

	// shown returns which of them there are.
	shown() (omitHeaders bool, xRateLimit XRateLimit)
}

// streaming is a recorder over a writer that is an http.Flusher. Where the writer beneath
// is no http.CloseNotifier or http.Pusher, the one never tells, and the other fails.
type streaming struct{ recorder }

// over has s record what is written to w, and complete these fields.
func (s *streaming) over(w http.ResponseWriter, f fields) http.ResponseWriter {
	s.ResponseWriter, s.fields = w, f
	if _, flushes := w.(http.Flusher); flushes {
		return s
	}
	return &s.recorder
}

// end returns the status that the client sees after a handler that has returned: 200 if
// it has said nothing, and 503 if its time was over before. Then somebody outside has
// answered, such as http.TimeoutHandler.
func (rec *recorder) end(ctx context.Context) int {
	said := rec.status
	rec.sent(http.StatusOK)
	if ctx.Err() == context.DeadlineExceeded && (said == 0 || rec.tooLate()) {
		return http.StatusServiceUnavailable
	}
	return int(rec.status)
}

// tooLate reports whether http.TimeoutHandler has answered instead of the handler. Its
// writer tells in Write alone.
func (rec *recorder) tooLate() bool {
	if rec.status == http.StatusSwitchingProtocols {
		return false
	}
	_, err := rec.ResponseWriter.Write(nil)
	return errors.Is(err, http.ErrHandlerTimeout)
}

// sent notes the first status that is final. Those below 200 are not, but for 101.
func (rec *recorder) sent(status int) {
	switch {
	case rec.status != 0:
	case status < http.StatusOK && status != http.StatusSwitchingProtocols:
		rec.interim = true
	default:
		rec.complete(status)
		rec.status = int32(status)
	}
}

// complete makes the header ready to go out with a final status. It may be called again
// if that fails.
func (rec *recorder) complete(status int) {
	if refused, ok := rec.fields.(refusing); ok {
		refused.release(rec.ResponseWriter)
		return
	}
	h := rec.Header()
	if rec.interim { // httputil.ReverseProxy empties the header after an interim response
		rec.fields.WriteHeaders(h)
	}
	if !saysNothing(h) && isShared(h, rec.authorization) {
		hide(h, rec.fields)
	}
	if rec.body.exceeds(status) {
		refusal.CloseAfter(rec.ResponseWriter)
	}
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.sent(status)
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.sent(http.StatusOK)
	return rec.ResponseWriter.Write(p)
}

func (rec *recorder) WriteString(s string) (int, error) {
	rec.sent(http.StatusOK)
	return io.WriteString(rec.ResponseWriter, s)
}

func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	if rec.status == 0 {
		rec.complete(http.StatusOK)
	}
	n, err := io.Copy(rec.ResponseWriter, src)
	if n > 0 { // before the first byte nothing is sent, and an error may still become another status
		rec.sent(http.StatusOK)
	}
	return n, err
}

// FlushError is for http.ResponseController.
func (rec *recorder) FlushError() error {
	if !canFlush(rec.ResponseWriter) {
		return http.ErrNotSupported
	}
	rec.sent(http.StatusOK)
	return http.NewResponseController(rec.ResponseWriter).Flush()
}

// canFlush reports whether http.ResponseController can flush w.
func canFlush(w http.ResponseWriter) bool {
	for {
		switch t := w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return false
		}
	}
}

// Hijack counts as a switch of protocols.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err == nil && rec.status == 0 {
		rec.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

func (s *streaming) Flush() { _ = s.FlushError() }

// CloseNotify is for handlers of before contexts that ask no writer whether it has it.
func (s *streaming) CloseNotify() <-chan bool {
	if w, ok := s.ResponseWriter.(interface{ CloseNotify() <-chan bool }); ok {
		return w.CloseNotify()
	}
	return nil
}

func (s *streaming) Push(target string, opts *http.PushOptions) error {
	if w, ok := s.ResponseWriter.(http.Pusher); ok {
		return w.Push(target, opts)
	}
	return http.ErrNotSupported
}
