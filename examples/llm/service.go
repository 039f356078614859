package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

//go:embed plans.json
var plansFile []byte

// service sells completions of a model.
type service struct {
	*ration.Ration
	model *model
}

// newService returns a service with the plans and groups of plans.json.
func newService(ctx context.Context, st ration.Store, m *model) (*service, error) {
	r, err := ration.New(st, ration.Config{
		Units:      units,
		Classes:    models,
		Middleware: middleware.Config{Class: class, Costs: estimate, Free: isUsage, Refund: unserved},
		Logger:     slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	var file struct {
		Plans  []usageplan.Plan
		Groups []usageplan.Group
	}
	if err := json.Unmarshal(plansFile, &file); err != nil {
		return nil, err
	}
	for _, p := range file.Plans {
		if _, err := r.Plans.Put(ctx, p); err != nil {
			return nil, err
		}
	}
	for _, g := range file.Groups { // each after the group above it
		if _, err := r.Groups.Put(ctx, g); err != nil {
			return nil, err
		}
	}
	return &service{r, m}, nil
}

// newKey creates a key in a team, and returns its secret.
func (s *service) newKey(ctx context.Context, id, team string) (apikey.Secret, error) {
	key, secret, err := s.Keys.Create(ctx, apikey.Key{ID: id, Name: id, GroupID: team, Enabled: true})
	if err == nil {
		err = s.Plans.Link(ctx, "key", key.ID)
	}
	return secret, err
}

func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /completions", s.complete)
	mux.HandleFunc("GET /usage", s.usage)
	return s.Handler(mux)
}

// complete streams the answer of the model as server-sent events.
func (s *service) complete(w http.ResponseWriter, r *http.Request) {
	p, err := readPrompt(r)
	if err != nil {
		fail(w, r, http.StatusBadRequest, err)
		return
	}
	key, _ := middleware.KeyFromContext(r.Context())
	answer, err := s.model.complete(r.Context(), key.ID, p)
	if err != nil {
		fail(w, r, http.StatusBadGateway, err)
		return
	}

	var output int64
	defer func() { // however the stream ends
		if err := middleware.Settle(r.Context(), costs(answer.inputTokens, output)); err != nil {
			slog.Error("settle", "error", err)
		}
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	for token := range answer.tokens {
		output++
		_, err := fmt.Fprintf(w, "data: %q\n\n", token)
		if errors.Join(err, flush()) != nil {
			return // the client has hung up
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// fail answers a request that the model has not served. It gives back the whole charge.
func fail(w http.ResponseWriter, r *http.Request, status int, cause error) {
	if err := middleware.Refund(r.Context()); err != nil {
		slog.Error("refund", "error", err)
	}
	http.Error(w, cause.Error(), status)
}

// unserved reports whether an answer with this status has used nothing of the model.
func unserved(status int) bool { return status == 404 || status == 405 || status >= 500 }

// isUsage reports whether a request asks for the usage, which is free.
func isUsage(r *http.Request) bool { return r.URL.Path == "/usage" }

// usage shows a client its limits, even if they are used up.
func (s *service) usage(w http.ResponseWriter, r *http.Request) {
	d, _ := middleware.DecisionFromContext(r.Context())
	for l := range d.Levels() {
		if l.Soft {
			continue // the service only tries it
		}
		fmt.Fprintf(w, "%s: %d of %d %s remain\n", l.Name, l.Remaining(), l.Max, l.Unit)
	}
}
