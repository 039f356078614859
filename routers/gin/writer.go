package rationgin

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// errWritten is returned by Hijack after a part of the body was written.
var errWritten = errors.New("rationgin: hijack: the body has begun")

// notWritten is the size of an answer whose header was not sent.
const notWritten = -1

// A writer is the gin.ResponseWriter of the handlers behind the middleware. As the writer
// of gin does, it sends the status with the first byte of the body, so that handlers may
// set the status several times before.
type writer struct {
	http.ResponseWriter // of middleware.Middleware.ServeRoute
	status, size        int
}

var _ gin.ResponseWriter = (*writer)(nil)

// finish passes on a status that was set and not sent. It does not send it: gin and the
// middleware outside may still set another one.
//
// gin.Engine.HandleContext answers past w. Then the status is that of the answer.
func (w *writer) finish() {
	if w.Written() {
		return
	}
	status := w.status
	if outer, ok := unwrap(w.ResponseWriter); ok && outer.Written() {
		status = outer.Status()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) Status() int   { return w.status }
func (w *writer) Size() int     { return w.size }
func (w *writer) Written() bool { return w.size != notWritten }

func (w *writer) WriteHeader(status int) {
	if status > 0 && !w.Written() {
		w.status = status
	}
}

func (w *writer) WriteHeaderNow() {
	if w.Written() {
		return
	}
	w.size = 0
	w.ResponseWriter.WriteHeader(w.status)
	if outer, ok := unwrap(w.ResponseWriter); ok {
		outer.WriteHeaderNow()
	}
}

// unwrap returns the writer of gin below w.
func unwrap(w http.ResponseWriter) (gin.ResponseWriter, bool) {
	for {
		switch t := w.(type) {
		case gin.ResponseWriter:
			return t, true
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			return nil, false
		}
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeaderNow()
	n, err := w.ResponseWriter.Write(p)
	w.size += n
	return n, err
}

func (w *writer) WriteString(s string) (int, error) {
	w.WriteHeaderNow()
	n, err := io.WriteString(w.ResponseWriter, s)
	w.size += n
	return n, err
}

func (w *writer) Flush() {
	w.WriteHeaderNow()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack takes over the connection. It fails if a part of the body was written.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.size > 0 {
		return nil, nil, errWritten
	}
	w.size = 0
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

func (w *writer) CloseNotify() <-chan bool {
	if n, ok := w.ResponseWriter.(interface{ CloseNotify() <-chan bool }); ok {
		return n.CloseNotify()
	}
	return nil
}

func (w *writer) Pusher() http.Pusher {
	p, _ := w.ResponseWriter.(http.Pusher)
	return p
}
