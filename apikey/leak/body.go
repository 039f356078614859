package leak

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

const (
	smallBody   = 64 << 10 // any number of bodies up to it are read at a time
	largeBodies = 8        // and as many larger ones
)

var errManyLarge = fmt.Errorf("leak: more than %d large reports at once", largeBodies)

// readBody returns the body of a report, or the status of a refusal. The caller calls
// done when it has verified the body.
//
// Security: a body has to be read before its signature can be verified, and everybody can
// send one. So only a few large ones are in memory at a time.
func (h *Handler) readBody(r *http.Request) (body []byte, status int, done func()) {
	done = func() {}
	body, err := io.ReadAll(io.LimitReader(r.Body, min(smallBody, h.cfg.MaxBody)+1))
	if err == nil && len(body) > smallBody {
		if h.large.Add(1) > largeBodies {
			h.large.Add(-1)
			h.failures.reports.Note(r.Context(), errManyLarge)
			return nil, http.StatusServiceUnavailable, done
		}
		done = func() { h.large.Add(-1) }
		rest := io.LimitReader(r.Body, h.cfg.MaxBody+1-int64(len(body)))
		body, err = io.ReadAll(io.MultiReader(bytes.NewReader(body), rest))
	}
	switch {
	case err != nil:
		return nil, http.StatusBadRequest, done
	case int64(len(body)) > h.cfg.MaxBody:
		return nil, http.StatusRequestEntityTooLarge, done
	}
	return body, 0, done
}
