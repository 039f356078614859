package middleware

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/ration-go/ration/internal/refusal"
)

// watchedBody is the body of the copy of a request that the next handler gets. It passes
// on two things that the server ties to its own request and writer:
//
//   - Trailer fields that were not announced appear in the server's request when the body
//     ends. watchedBody copies them.
//   - http.MaxBytesReader closes the connection by a method of the server's writer that
//     no other type can have. See exceeds.
type watchedBody struct {
	io.ReadCloser
	inner, outer *http.Request
	state        int32 // atomic: another goroutine may read the body
}

// A body is in one of these states.
const (
	untouched int32 = iota
	begun
	ended
)

// watchBody has the recorder watch the body of inner, which is a copy of outer.
func (rec *recorder) watchBody(inner, outer *http.Request) {
	if mustWatch(outer) {
		rec.body = &watchedBody{ReadCloser: outer.Body, inner: inner, outer: outer}
		inner.Body = rec.body
	}
}

// mustWatch reports whether r has a body that must be watched.
func mustWatch(r *http.Request) bool { return r.ProtoMajor == 1 && refusal.HasBody(r) }

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.inner.Trailer = b.outer.Trailer
		atomic.StoreInt32(&b.state, ended)
	case atomic.LoadInt32(&b.state) == untouched:
		atomic.StoreInt32(&b.state, begun)
	}
	return n, err
}

// exceeds reports whether a handler that answers with status has probably met the limit
// of http.MaxBytesReader: it stopped in the middle of the body, and its status blames the
// request.
func (b *watchedBody) exceeds(status int) bool {
	return (status == http.StatusRequestEntityTooLarge || status == http.StatusBadRequest) && b.abandoned()
}

func (b *watchedBody) abandoned() bool { return b != nil && atomic.LoadInt32(&b.state) == begun }
