package apigateway

import (
	"net/http"

	"golang.org/x/time/rate"
)

// defaultRate completes a throttle without a rate if the Gate has no account throttle. It
// is the default account-level rate of AWS.
const defaultRate = 10_000

// accountRate returns the rate that completes a throttle without one.
func (h *Handler) accountRate() rate.Limit {
	if l, ok := h.gate.Account(); ok {
		return l.Rate
	}
	return defaultRate
}

// getAccount serves GetAccount. It shows the account throttle that the Gate enforces, and
// omits the throttle if there is none: AWS's default would be a limit that nobody
// enforces.
func (h *Handler) getAccount(*http.Request) (int, any, error) {
	out := struct {
		ThrottleSettings *throttleText `json:"throttleSettings,omitzero"`
		Features         []string      `json:"features"`
		APIKeyVersion    string        `json:"apiKeyVersion"`
	}{Features: []string{"UsagePlans"}, APIKeyVersion: "4"}
	if l, ok := h.gate.Account(); ok {
		out.ThrottleSettings = new(throttleOf(l))
	}
	return http.StatusOK, out, nil
}

// accountPatches are the paths that AWS documents for UpdateAccount.
var accountPatches = patches{
	"replace": {"/cloudwatchRoleArn"},
	"add":     {"/features"},
	"remove":  {"/features"},
}

// updateAccount serves UpdateAccount. It validates the operations and changes nothing: a
// role for CloudWatch logs has no meaning here.
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
