package apigateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/usageplan"
)

// Authenticator says whether a request of an administrator is one: nil, or why not, as an
// *Error if the answer is to be that. It may read the body if it puts it back.
type Authenticator func(*http.Request) error

// Stages says which API stages there are.
type Stages interface {
	Stage(ctx context.Context, s usageplan.Stage) (exists bool, err error)
}

// StageList is Stages that do not change.
type StageList []usageplan.Stage

// Stage implements Stages.
func (l StageList) Stage(_ context.Context, s usageplan.Stage) (bool, error) {
	for _, known := range l {
		if known == s {
			return true, nil
		}
	}
	return false, nil
}

// Config configures a Handler. The zero Config is ready for use.
type Config struct {
	// Stages are those that plans can be for; nil: any.
	Stages Stages

	// Logger is told of what failed; nil: nobody is.
	Logger *slog.Logger
}

// Handler is the control plane. Make one with New. Safe for concurrent use.
type Handler struct {
	keys  *apikey.Service
	plans *usageplan.Service
	gate  *gate.Gate
	auth  Authenticator
	cfg   Config
	mux   *http.ServeMux
}

// MaxBody is the most bytes of a request's body: 10 MiB.
const MaxBody = 10 << 20

// bodyTime is how long a body may take before its sender is authenticated: enough for
// MaxBody at 1.4 Mbit/s.
const bodyTime = time.Minute

// New returns a Handler that manages the keys and plans of the two services. GetUsage and
// UpdateUsage are about the counts of the Gate. The error reports every fault at once.
//
// The KeyFormat of the Gate must let in every key that the service of keys makes or
// imports: give both the same.
func New(keys *apikey.Service, plans *usageplan.Service, g *gate.Gate, auth Authenticator, cfg Config) (*Handler, error) {
	errs := []error{
		nilcheck.Required("keys", keys, "an apikey.Service"), nilcheck.Required("plans", plans, "a usageplan.Service"),
		nilcheck.Required("gate", g, "a gate.Gate"),
	}
	if auth == nil {
		errs = append(errs, errors.New("authenticate: nil: want one: anybody who reaches the handler could make keys"))
	}
	if keys != nil && g != nil && !g.KeyFormat().Covers(keys.KeyFormat()) {
		errs = append(errs, fmt.Errorf("gate: format %+v: want one that lets in all keys of the format %+v: give both the same",
			g.KeyFormat(), keys.KeyFormat()))
	}
	errs = append(errs, nilcheck.Optional("stages", cfg.Stages, "a Stages, or none"))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("apigateway: new: %w", err)
	}
	h := &Handler{keys: keys, plans: plans, gate: g, auth: auth, cfg: cfg, mux: http.NewServeMux()}
	others := map[string]operation{"/": unknownOperation}
	for pattern, op := range h.operations() {
		h.handle(pattern, op)
		_, name, _ := strings.Cut(pattern, " ")
		others[name] = unknownOperation // so that ServeMux answers no other methods by itself
	}
	for pattern, op := range others {
		h.handle(pattern, op)
	}
	return h, nil
}

func (h *Handler) handle(pattern string, op operation) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, op) })
}

// operation is what one answers: a status, and a body or nil.
type operation func(*http.Request) (status int, body any, err error)

func (h *Handler) operations() map[string]operation {
	return map[string]operation{
		"POST /apikeys":                             h.createKeys,
		"GET /apikeys":                              h.getKeys,
		"GET /apikeys/{key}":                        h.getKey,
		"PATCH /apikeys/{key}":                      h.updateKey,
		"DELETE /apikeys/{key}":                     h.deleteKey,
		"POST /usageplans":                          h.createPlan,
		"GET /usageplans":                           h.getPlans,
		"GET /usageplans/{plan}":                    h.getPlan,
		"PATCH /usageplans/{plan}":                  h.updatePlan,
		"DELETE /usageplans/{plan}":                 h.deletePlan,
		"POST /usageplans/{plan}/keys":              h.createPlanKey,
		"GET /usageplans/{plan}/keys":               h.getPlanKeys,
		"GET /usageplans/{plan}/keys/{key}":         h.getPlanKey,
		"DELETE /usageplans/{plan}/keys/{key}":      h.deletePlanKey,
		"GET /usageplans/{plan}/usage":              h.getUsage,
		"PATCH /usageplans/{plan}/keys/{key}/usage": h.updateUsage,
		"GET /account":                              h.getAccount,
		"PATCH /account":                            h.updateAccount,
		"PUT /tags/{arn}":                           h.tag,
		"DELETE /tags/{arn}":                        h.untag,
		"GET /tags/{arn}":                           h.getTags,
	}
}

func unknownOperation(r *http.Request) (int, any, error) {
	return 0, nil, &Error{http.StatusNotFound, "UnknownOperationException", "Unable to determine the operation of " + r.Method + " " + r.URL.Path}
}

// ServeHTTP answers one request. Nobody learns what there is before they are
// authenticated.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	if err := h.authenticate(w, r); err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			h.log(r, err)
			e = &Error{http.StatusForbidden, "AccessDeniedException", "Forbidden"}
		}
		refusal.Unread(w, r)
		e.write(w)
		return
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil { // URL.Query would drop a part of it
		badRequest("Malformed query string").write(w)
		return
	}
	if name := r.URL.EscapedPath(); path.Clean(name) != name { // ServeMux would redirect
		h.serve(w, r, unknownOperation)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// authenticate bounds the time that a body takes to come while nobody knows who sends it.
func (h *Handler) authenticate(w http.ResponseWriter, r *http.Request) error {
	defer refusal.Within(w, r, bodyTime)()
	return h.auth(r)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, op operation) {
	status, body, err := op(r)
	if err == nil {
		respond(w, status, body)
		return
	}
	e := answer(err)
	if e.Status >= http.StatusInternalServerError {
		h.log(r, err)
	}
	e.write(w)
}

func (h *Handler) log(r *http.Request, err error) {
	if h.cfg.Logger != nil && r.Context().Err() == nil {
		h.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "ration: control plane", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Any("error", err))
	}
}

// read is the body, as JSON, into v. An empty one is {}. Members that v has not are
// ignored, as AWS does.
func read(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err
	}
	if err != nil {
		return badRequest("Request body cannot be read")
	}
	if len(body) == 0 {
		return nil
	}
	err = json.Unmarshal(body, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &Error{http.StatusBadRequest, "SerializationException", fmt.Sprintf("Invalid type of %q: %s", wrong.Field, wrong.Value)}
	}
	if err != nil {
		return &Error{http.StatusBadRequest, "SerializationException", "Malformed JSON in the request body"}
	}
	return nil
}
