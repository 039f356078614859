package apigateway

import (
	"net/http"

	"golang.org/x/time/rate"
)

// defaultRate completes a throttle without a rate where the Gate has no throttle of the
// account: AWS's default for one.
const defaultRate = 10_000

// accountRate returns the rate that completes a throttle without one.
func (h *Handler) accountRate() rate.Limit {
	if l, ok := h.gate.Account(); ok {
		return l.Rate
	}
	return defaultRate
}

// getAccount is GetAccount. It shows the throttle that the Gate enforces on all requests
// together, and none where there is none.
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

var accountPatches = patches{
	"replace": {"/cloudwatchRoleArn"},
	"add":     {"/features"},
	"remove":  {"/features"},
}

// updateAccount is UpdateAccount. There is nothing in an account that could be another: a
// role for logs means nothing here.
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
