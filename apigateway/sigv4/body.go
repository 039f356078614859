package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
)

// small is the most bytes of a body that may come whenever it likes: a request's header
// fields may take more.
const small = 16 << 10

// body is the digest of r's body, in hexadecimal. It reads the body, and puts it back.
func (v *Verifier) body(r *http.Request) (string, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	var text bytes.Buffer
	_, err := text.ReadFrom(io.LimitReader(r.Body, min(small, v.cfg.MaxBody)+1))
	if err == nil && text.Len() > small {
		select {
		case v.large <- struct{}{}:
			defer func() { <-v.large }()
		default:
			return "", errBusy
		}
		if n := min(r.ContentLength, v.cfg.MaxBody) - small; n > 0 {
			text.Grow(int(n) + bytes.MinRead) // a buffer that grows as it is filled takes more
		}
		_, err = text.ReadFrom(io.LimitReader(r.Body, v.cfg.MaxBody-small))
	}
	_, large := errors.AsType[*http.MaxBytesError](err)
	switch {
	case large || int64(text.Len()) > v.cfg.MaxBody:
		return "", refuse(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", "Request body exceeds %d bytes", v.cfg.MaxBody)
	case err != nil:
		return "", refuse(http.StatusBadRequest, "BadRequestException", "Request body cannot be read")
	}
	r.Body = io.NopCloser(bytes.NewReader(text.Bytes()))
	sum := sha256.Sum256(text.Bytes())
	return hex.EncodeToString(sum[:]), nil
}
