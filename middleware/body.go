package middleware

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/ration-go/ration/internal/refusal"
)

// watched is the body of a request of which the next handler gets a copy. It makes up for
// what the server tells its own request and its own writer alone.
//
//   - The fields of a trailer that were not announced come to the server's request when
//     the body ends.
//   - http.MaxBytesReader has the connection closed, by a method of the server's writer
//     that no other type can have.
type watched struct {
	io.ReadCloser
	inner, outer *http.Request
	state        int32 // atomic: another goroutine may read the body
}

// How far a body was read.
const (
	untouched int32 = iota
	begun
	ended
)

// watch watches the body of inner, which is a copy of outer.
func (rec *recorder) watch(inner, outer *http.Request) {
	if canWatch(outer) {
		rec.body = &watched{ReadCloser: outer.Body, inner: inner, outer: outer}
		inner.Body = rec.body
	}
}

// canWatch reports whether there is a body whose server needs it.
func canWatch(r *http.Request) bool { return r.ProtoMajor == 1 && refusal.HasBody(r) }

func (b *watched) Read(p []byte) (int, error) {
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

// exceeds reports whether a handler that answers with status has met the limit of
// http.MaxBytesReader, as far as can be seen: it gave up in the middle of the body, and
// says that the request is to blame.
func (b *watched) exceeds(status int) bool {
	return (status == http.StatusRequestEntityTooLarge || status == http.StatusBadRequest) && b.abandoned()
}

func (b *watched) abandoned() bool { return b != nil && atomic.LoadInt32(&b.state) == begun }
