package apigateway

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/usageplan"
)

// Error is an answer that is an error, as the AWS SDKs read it: Type is the exception's name, in the x-amzn-ErrorType field.
// An Authenticator may return one; any other error of its is a 403.
type Error struct {
	Status  int
	Type    string
	Message string
}

// Error is the type and the message.
func (e *Error) Error() string { return e.Type + ": " + e.Message }

func badRequest(format string, args ...any) *Error {
	return &Error{http.StatusBadRequest, "BadRequestException", fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) *Error {
	return &Error{http.StatusNotFound, "NotFoundException", fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) *Error {
	return &Error{http.StatusConflict, "ConflictException", fmt.Sprintf(format, args...)}
}

// The errors whose messages scripts look for.
var (
	errNoKey  = notFound("Invalid API Key identifier specified")
	errNoPlan = notFound("Invalid Usage Plan ID specified")
)

// answer is the Error of whatever went wrong. What a caller could not help says no more than that.
func answer(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &Error{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", fmt.Sprintf("Request body exceeds %d bytes", MaxBody)}
	}
	switch {
	case errors.Is(err, usageplan.ErrRollback):
		return &Error{http.StatusServiceUnavailable, "ServiceUnavailableException", "The import failed, and not all of it could be rolled back"}
	case errors.Is(err, apikey.ErrNotFound):
		return errNoKey
	case errors.Is(err, usageplan.ErrNotFound):
		return errNoPlan
	case errors.Is(err, apikey.ErrExists):
		return conflict("API Key already exists")
	case errors.Is(err, usageplan.ErrExists):
		return conflict("Usage Plan Key already exists")
	case errors.Is(err, usageplan.ErrConflict):
		return conflict("%s", plain(err))
	case errors.Is(err, apikey.ErrConflict):
		return conflict("API Key was changed by others meanwhile")
	case errors.Is(err, apikey.ErrInvalid), errors.Is(err, usageplan.ErrInvalid), errors.Is(err, gate.ErrInvalid):
		return badRequest("%s", plain(err))
	}
	return &Error{http.StatusServiceUnavailable, "ServiceUnavailableException", "The store of keys and plans does not answer"}
}

// plain is an error without the names of packages before it.
func plain(err error) string {
	text := err.Error()
	for _, prefix := range []string{"usageplan: ", "gate: ", "apikey: ", "limiter: ", "quota: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// write answers with e.
func (e *Error) write(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", e.Type)
	if e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	respond(w, e.Status, struct {
		Message string `json:"message"`
	}{e.Message})
}

// respond answers with a body; nil: with none.
func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	refusal.NoStore(w.Header())
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}
