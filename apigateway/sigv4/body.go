package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
)

// smallBody is the size up to which a body needs no slot in Verifier.large. The header
// fields of a request may take more memory than that.
const smallBody = 16 << 10

// body returns the hexadecimal SHA-256 of r's body. It reads the body into memory and
// replaces r.Body by what it read.
//
// The signature covers this digest, so the body must be read before its sender is known.
// The slots bound how much memory unknown senders can hold. One byte more than each limit
// is read, to tell a body of the limit's size from a longer one.
func (v *Verifier) body(r *http.Request) (string, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	var text bytes.Buffer
	_, err := text.ReadFrom(io.LimitReader(r.Body, min(smallBody, v.cfg.MaxBody)+1))
	if err == nil && text.Len() > smallBody {
		select {
		case v.large <- struct{}{}:
			defer func() { <-v.large }()
		default:
			return "", errBusy
		}
		// A buffer that doubles as it fills can take twice the body's size. The announced
		// length is trusted only up to MaxBody.
		if n := min(r.ContentLength, v.cfg.MaxBody) - smallBody; n > 0 {
			text.Grow(int(n) + bytes.MinRead)
		}
		_, err = text.ReadFrom(io.LimitReader(r.Body, v.cfg.MaxBody-smallBody))
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
