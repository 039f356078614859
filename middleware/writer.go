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
// one goes out.
//
// It implements http.Hijacker, io.ReaderFrom and io.StringWriter, which handlers find by
// a type assertion. It fails with http.ErrNotSupported if the underlying writer cannot do
// it. http.ResponseController finds all other methods through Unwrap. The type streaming
// adds the methods that are only claimed if the underlying writer has them.
type recorder struct {
	http.ResponseWriter
	fields        fields
	body          *watchedBody // of the next handler's request, or nil: see watchBody
	status        int32        // 0 until a final status is sent
	interim       bool         // an interim response, such as 103, was sent
	authorization bool         // the request has an Authorization field
}

// fields sets the header fields that tell a client how much of its limits is left. One
// implementation, refusing, is different: Config.Refuse sets the header, so there is
// nothing to complete.
type fields interface {
	WriteHeaders(http.Header)

	// shown returns which of the fields are set.
	shown() (omitHeaders bool, xRateLimit XRateLimit)
}

// streaming is a recorder over a writer that is an http.Flusher. It also has the methods
// of http.CloseNotifier and http.Pusher. If the underlying writer lacks them, CloseNotify
// returns nil and Push fails.
type streaming struct{ recorder }

// over returns a writer that records what is written to w, and completes the fields f.
func (s *streaming) over(w http.ResponseWriter, f fields) http.ResponseWriter {
	s.ResponseWriter, s.fields = w, f
	if _, flushes := w.(http.Flusher); flushes {
		return s
	}
	return &s.recorder
}

// end returns the status that the client sees after a handler has returned. It is 200 if
// the handler has sent nothing. It is 503 if the time of the handler was over before it
// sent anything, or if http.TimeoutHandler has answered instead.
func (rec *recorder) end(ctx context.Context) int {
	said := rec.status
	rec.sent(http.StatusOK)
	if ctx.Err() == context.DeadlineExceeded && (said == 0 || rec.tooLate()) {
		return http.StatusServiceUnavailable
	}
	return int(rec.status)
}

// tooLate reports whether http.TimeoutHandler has answered instead of the handler. The
// writer of a TimeoutHandler reports that only in Write.
func (rec *recorder) tooLate() bool {
	if rec.status == http.StatusSwitchingProtocols {
		return false
	}
	_, err := rec.ResponseWriter.Write(nil)
	return errors.Is(err, http.ErrHandlerTimeout)
}

// sent records the first final status. A status below 200 is not final, except 101.
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

// complete prepares the header for a final status. It may be called again if sending
// fails.
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

// Unwrap returns the underlying writer, for http.ResponseController.
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
	if n > 0 { // without a byte, nothing was sent, and the handler may still send an error
		rec.sent(http.StatusOK)
	}
	return n, err
}

// FlushError flushes the response, for http.ResponseController.
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

// Hijack takes over the connection. It counts as status 101.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err == nil && rec.status == 0 {
		rec.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}

func (s *streaming) Flush() { _ = s.FlushError() }

// CloseNotify supports handlers that predate contexts and assert http.CloseNotifier
// without a check. If the underlying writer lacks it, the channel is nil.
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
