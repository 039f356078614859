package apigateway

import (
	"errors"
	"net/http"

	"github.com/ration-go/ration/apigateway/keyfile"
)

// importKeys handles ImportApiKeys. The body is a file, whatever its Content-Type says.
func (h *Handler) importKeys(r *http.Request) (int, any, error) {
	if r.URL.Query().Get("format") != "csv" {
		return 0, nil, badRequest("Invalid format specified. Must be one of [csv]")
	}
	done, err := keyfile.Import(r.Context(), h.keys, h.plans, keyfile.Parse(r.Body), flag(r, "failonwarnings"))
	if missing, ok := errors.AsType[*keyfile.MissingColumnError](err); ok {
		return 0, nil, badRequest("%s", missing)
	}
	if row, ok := errors.AsType[*keyfile.RowError](err); ok && !errors.Is(err, keyfile.ErrRollback) {
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
