package middleware

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// recorder remembers the status of a response. http.ResponseController finds all that the writer beneath can do through
// Unwrap; what handlers find by a type assertion, Flusher, Hijacker, io.ReaderFrom and io.StringWriter, is here, and fails
// with http.ErrNotSupported where the writer beneath cannot do it.
type recorder struct {
	http.ResponseWriter
	status int // zero: nothing was sent yet
}

// final is the status of the response of a handler that has returned: 200 if it has said nothing.
func (rec *recorder) final() int {
	rec.sent(http.StatusOK)
	return rec.status
}

// sent notes the first status that is final. Those below 200 are not, but for 101.
func (rec *recorder) sent(status int) {
	if rec.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.status = status
	}
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) WriteHeader(status int) {
	rec.sent(status)
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
	n, err := io.Copy(rec.ResponseWriter, src)
	if n > 0 { // before the first byte nothing is sent, and an error may still become another status
		rec.sent(http.StatusOK)
	}
	return n, err
}

func (rec *recorder) Flush() { _ = rec.FlushError() }

func (rec *recorder) FlushError() error {
	err := http.NewResponseController(rec.ResponseWriter).Flush()
	if !errors.Is(err, http.ErrNotSupported) {
		rec.sent(http.StatusOK)
	}
	return err
}

// CloseNotify is for handlers of before contexts that ask no writer whether it has it. Where it has not, it never tells.
func (rec *recorder) CloseNotify() <-chan bool {
	if w, ok := rec.ResponseWriter.(interface{ CloseNotify() <-chan bool }); ok {
		return w.CloseNotify()
	}
	return nil
}

// Hijack counts as a switch of protocols.
func (rec *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.ResponseWriter).Hijack()
	if err == nil {
		rec.sent(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}
