package leak

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/internal/refusal"
)

const (
	bodyTime = 10 * time.Second // for the body of a report to arrive

	// answerTime bounds the work for a report. GitHub waits for 30s.
	answerTime = 25 * time.Second

	maxHeader = 512 // of a key's ID and of a signature, in bytes
)

// A Handler receives reports. Use New to make one. It is safe for concurrent use.
//
// It answers a POST that has a valid signature with 200 and a list in JSON, which labels
// each secret of the report, by its SHA-256 in hexadecimal, as a "true_positive" or a
// "false_positive". A secret is a true positive if a key has it as its current or its
// previous one, in any state.
//
// Other statuses are 403 without a valid signature, 400 and 413 for a report that is
// malformed or too large, and 503 if the keys or the public keys could not be read, if
// Config.OnLeak has failed, or if there are too many large reports at once. A report that
// is repeated then continues where it stopped.
type Handler struct {
	keys     *apikey.Service
	cfg      Config
	signers  *publicKeys
	told     memory       // the IDs of leaks that OnLeak was told of
	large    atomic.Int64 // large bodies that are read now
	failures failures
}

// failures log the beginning and the end of outages.
type failures struct{ keys, reports outage.Log }

func newFailures(logger *slog.Logger) failures {
	kind := func(begins, ends string) outage.Log {
		return outage.Log{Logger: logger, Level: slog.LevelError, Begins: begins, Ends: ends, Affected: "reports"}
	}
	return failures{
		keys:    kind("ration: reports of leaked secrets cannot be verified", "ration: reports of leaked secrets can be verified again"),
		reports: kind("ration: a report of leaked secrets failed", "ration: reports of leaked secrets succeed again"),
	}
}

// ServeHTTP receives a report.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, r, http.StatusMethodNotAllowed)
		return
	}
	body, status := h.verified(w, r)
	if status != 0 {
		refuse(w, r, status)
		return
	}
	list, err := parseReport(body, h.cfg.MaxTokens)
	switch {
	case errors.Is(err, errTooMany):
		h.failures.reports.Note(r.Context(), err)
		refuse(w, r, http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		h.failures.reports.Note(r.Context(), err)
		refuse(w, r, http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(history.WithActor(r.Context(), h.cfg.Actor), answerTime)
	defer cancel()
	labels, err := h.handleAll(ctx, list)
	h.failures.reports.Note(r.Context(), err)
	if err != nil {
		refuse(w, r, http.StatusServiceUnavailable)
		return
	}
	answer(w, labels)
}

// verified returns the body of a report with a valid signature, or the status of the
// refusal. The refusal does not depend on what the body says.
func (h *Handler) verified(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	id, signature := r.Header.Get("Github-Public-Key-Identifier"), signatureOf(r)
	if id == "" || len(id) > maxHeader || signature == nil {
		return nil, http.StatusForbidden
	}
	key, err := h.signers.find(r.Context(), id)
	h.failures.keys.Note(r.Context(), err)
	switch {
	case err != nil:
		return nil, http.StatusServiceUnavailable
	case key == nil:
		return nil, http.StatusForbidden
	}
	if r.ContentLength > h.cfg.MaxBody {
		return nil, http.StatusRequestEntityTooLarge
	}
	defer refusal.Within(w, r, bodyTime)()
	body, status, done := h.readBody(r)
	defer done()
	if status != 0 {
		return nil, status
	}
	if sum := sha256.Sum256(body); !ecdsa.VerifyASN1(key, sum[:], signature) {
		return nil, http.StatusForbidden
	}
	return body, 0
}

// signatureOf returns the signature of a request, or nil if it has none.
func signatureOf(r *http.Request) []byte {
	text := r.Header.Get("Github-Public-Key-Signature")
	if text == "" || len(text) > maxHeader {
		return nil
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return signature
}

// refuse answers a request with a status alone. It does not wait for the request's body.
func refuse(w http.ResponseWriter, r *http.Request, status int) {
	refusal.Unread(w, r)
	refusal.NoStore(w.Header())
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "60")
	}
	write(w, "application/problem+json", status, struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
	}{http.StatusText(status), status})
}

func answer(w http.ResponseWriter, labels []label) {
	refusal.NoStore(w.Header())
	write(w, "application/json", http.StatusOK, labels)
}

func write(w http.ResponseWriter, mediaType string, status int, v any) {
	body, _ := json.Marshal(v) // never fails
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}
