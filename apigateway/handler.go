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
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/refusal"
	"github.com/ration-go/ration/usageplan"
)

// An Authenticator decides whether a request comes from an administrator. Without an
// error it accepts the request, and returns the administrator, for the History of the
// services. With the zero Actor, the one of the request's context counts.
//
// An Authenticator returns an *Error to choose the refusal. Any other error is logged and
// answered with a 403. It may read the body if it puts it back.
type Authenticator func(*http.Request) (history.Actor, error)

// Stages reports which API stages exist.
type Stages interface {
	Stage(ctx context.Context, s usageplan.Stage) (exists bool, err error)
}

// A StageList is a fixed set of Stages.
type StageList []usageplan.Stage

// Stage reports whether s is in the list. It implements Stages.
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
	// Stages are the stages that plans may name. If nil, plans may name any stage.
	Stages Stages

	// Logger receives failures: errors of the stores, and errors of the Authenticator that
	// are not an *Error. If nil, nothing is logged.
	Logger *slog.Logger
}

// A Handler serves the control plane. Use New to create one. A Handler is safe for
// concurrent use.
type Handler struct {
	keys  *apikey.Service
	plans *usageplan.Service
	gate  *gate.Gate
	auth  Authenticator
	cfg   Config
	mux   *http.ServeMux
}

// MaxBody is the size limit of a request's body: 10 MiB.
const MaxBody = 10 << 20

// bodyTime is how long a body may take to arrive before its sender is authenticated. It
// is enough for MaxBody at 1.4 Mbit/s.
const bodyTime = time.Minute

// New returns a Handler that manages the keys and plans of the two services. GetUsage and
// UpdateUsage act on the counts of the Gate. The error reports every fault at once.
//
// The KeyFormat of the Gate must accept every key that the apikey.Service creates or
// imports. Give both the same KeyFormat.
func New(keys *apikey.Service, plans *usageplan.Service, g *gate.Gate, auth Authenticator, cfg Config) (*Handler, error) {
	errs := []error{
		nilcheck.Required("keys", keys, "an apikey.Service"), nilcheck.Required("plans", plans, "a usageplan.Service"),
		nilcheck.Required("gate", g, "a gate.Gate"),
	}
	if auth == nil {
		errs = append(errs, errors.New("authenticate: nil: want an Authenticator, or anybody could create keys"))
	}
	if keys != nil && g != nil && !g.KeyFormat().Covers(keys.KeyFormat()) {
		errs = append(errs, fmt.Errorf("gate: format %+v: want one that accepts all keys of the format %+v: give both the same",
			g.KeyFormat(), keys.KeyFormat()))
	}
	errs = append(errs, nilcheck.Optional("stages", cfg.Stages, "a Stages, or none"))
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("apigateway: new: %w", err)
	}
	h := &Handler{keys: keys, plans: plans, gate: g, auth: auth, cfg: cfg, mux: http.NewServeMux()}
	// ServeMux answers a known path with another method by itself: a 405 in plain text. The
	// SDKs expect an error in JSON, so every path gets a handler for all other methods.
	others := map[string]operation{"/": unknownOperation}
	for pattern, op := range h.operations() {
		h.handle(pattern, op)
		_, name, _ := strings.Cut(pattern, " ")
		others[name] = unknownOperation
	}
	for pattern, op := range others {
		h.handle(pattern, op)
	}
	return h, nil
}

func (h *Handler) handle(pattern string, op operation) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, op) })
}

// An operation serves one operation of the API. It returns the status and the body, or a
// nil body for an answer without one.
type operation func(*http.Request) (status int, body any, err error)

// operations returns the operations by the patterns of the AWS service model, 2015-07-09.
// ImportApiKeys has the path of CreateApiKey, so createKeys serves both.
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

// ServeHTTP serves one request. It authenticates the request first, so an answer reveals
// nothing to a caller that is not an administrator.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	actor, err := h.authenticate(w, r)
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			h.log(r, err)
			e = &Error{http.StatusForbidden, "AccessDeniedException", "Forbidden"}
		}
		refusal.Unread(w, r)
		e.write(w)
		return
	}
	if actor != (history.Actor{}) {
		r = r.WithContext(history.WithActor(r.Context(), actor))
	}

	// URL.Query drops the parts of a query that it cannot parse. A dropped filter would list
	// more than the caller asked for.
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		badRequest("Malformed query string").write(w)
		return
	}
	// ServeMux redirects an unclean path. A client would follow the redirect with a
	// signature that is not of the new path.
	if name := r.URL.EscapedPath(); path.Clean(name) != name {
		h.serve(w, r, unknownOperation)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// authenticate runs the Authenticator. It bounds the time for reading the body, because a
// signature covers the body: without the bound, any client could hold a connection and
// its buffer open.
func (h *Handler) authenticate(w http.ResponseWriter, r *http.Request) (history.Actor, error) {
	defer refusal.Within(w, r, bodyTime)()
	return h.auth(r)
}

// serve runs op and sends its answer. It logs only failures of this side: the client is
// told of its own faults in the answer.
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

// log reports a failure, except one of a request that was cancelled.
func (h *Handler) log(r *http.Request, err error) {
	if h.cfg.Logger != nil && r.Context().Err() == nil {
		h.cfg.Logger.LogAttrs(r.Context(), slog.LevelError, "ration: a request to the control plane failed", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Any("error", err))
	}
}

// read decodes the JSON body into v. An empty body counts as {}: some clients send none.
// Members that v does not have are ignored, as AWS does, since SDKs of any age may send
// fields that this package does not serve.
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
