package apigateway

import (
	"errors"
	"net/http"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// importKeys is ImportApiKeys: the body is a file, whatever its type is said to be.
func (h *Handler) importKeys(r *http.Request) (int, any, error) {
	if r.URL.Query().Get("format") != "csv" {
		return 0, nil, badRequest("Invalid format specified. Must be one of [csv]")
	}
	done, err := h.plans.Import(r.Context(), h.keys, apikey.ParseCSV(r.Body), flag(r, "failonwarnings"))
	if missing, ok := errors.AsType[*apikey.MissingColumnError](err); ok {
		return 0, nil, badRequest("%s", missing)
	}
	if row, ok := errors.AsType[*apikey.RowError](err); ok && !errors.Is(err, usageplan.ErrRollback) {
		return 0, nil, badRequest("Import failed: %s", plain(row))
	}
	if err != nil {
		return 0, nil, err
	}
	out := struct {
		IDs      []string `json:"ids"`
		Warnings []string `json:"warnings"`
	}{append([]string{}, done.KeyIDs...), []string{}}
	for _, w := range done.Warnings {
		out.Warnings = append(out.Warnings, plain(w))
	}
	return http.StatusCreated, out, nil
}
