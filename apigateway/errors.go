package apigateway

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apigateway/keyfile"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/usageplan"
)

// An Error is an error response as the AWS SDKs read it. Type is the name of the
// exception, in the x-amzn-ErrorType header field. An Authenticator may return an Error.
// Its other errors become a 403.
type Error struct {
	Status  int
	Type    string
	Message string
}

// Error returns the type and the message.
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

// Scripts look for the messages of these errors.
var (
	errNoKey  = notFound("Invalid API Key identifier specified")
	errNoPlan = notFound("Invalid Usage Plan ID specified")
)

// answer returns the Error for any error. For a failure that the caller cannot help, the
// Error does not say more.
func answer(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &Error{http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", fmt.Sprintf("Request body exceeds %d bytes", MaxBody)}
	}
	switch {
	case errors.Is(err, keyfile.ErrRollback):
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
	case errors.Is(err, usageplan.ErrInUse):
		// So does AWS answer of a plan with stages.
		return badRequest("%s", plain(err))
	case errors.Is(err, apikey.ErrInvalid), errors.Is(err, usageplan.ErrInvalid), errors.Is(err, gate.ErrInvalid), errors.Is(err, keyfile.ErrInvalid):
		return badRequest("%s", plain(err))
	}
	return &Error{http.StatusServiceUnavailable, "ServiceUnavailableException", "The store of keys and plans is unavailable"}
}

// plain returns the text of an error without the names of packages.
func plain(err error) string {
	text := err.Error()
	for _, prefix := range []string{"usageplan: ", "gate: ", "apikey: ", "keyfile: ", "limiter: ", "quota: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// write sends e as the response.
func (e *Error) write(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-Errortype", e.Type)
	if e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	respond(w, e.Status, struct {
		Message string `json:"message"`
	}{e.Message})
}

// respond sends a response. If body is nil, the response has no body.
func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	refusal.NoStore(w.Header())
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has disconnected
}
