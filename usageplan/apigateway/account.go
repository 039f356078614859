package apigateway

import "net/http"

// getAccount is GetAccount.
func (h *Handler) getAccount(*http.Request) (int, any, error) {
	return http.StatusOK, struct {
		ThrottleSettings throttleText `json:"throttleSettings"`
		Features         []string     `json:"features"`
		APIKeyVersion    string       `json:"apiKeyVersion"`
	}{throttleOf(h.cfg.Account), []string{"UsagePlans"}, "4"}, nil
}

var accountPatches = patches{
	"replace": {"/cloudwatchRoleArn"},
	"add":     {"/features"},
	"remove":  {"/features"},
}

// updateAccount is UpdateAccount. There is nothing in an account that could be another: a role for logs means nothing here.
func (h *Handler) updateAccount(r *http.Request) (int, any, error) {
	ops, err := readPatch(r)
	if err != nil {
		return 0, nil, err
	}
	for _, op := range ops {
		if err := accountPatches.allow(op, op.Path); err != nil {
			return 0, nil, err
		}
		if op.Op == "remove" && op.Value == "UsagePlans" {
			return 0, nil, badRequest("Usage Plans cannot be disabled once enabled")
		}
	}
	return h.getAccount(r)
}
