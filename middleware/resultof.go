package middleware

import "github.com/ration-go/ration/gate"

// ResultOf returns the Result of a decision that did not come from Check. A service that
// asks the Gate itself answers with its WriteHeaders, WriteProblem or WriteAWS, and so as
// Handler would.
//
// Caution: settle the Decision that the Gate has returned. That of the Result is a copy,
// and would be settled once more.
func (m *Middleware) ResultOf(o gate.Outcome) *Result {
	res := &Result{mw: m}
	res.Decision.Outcome = o
	if !o.Allowed {
		res.Status = statusOf(o.Reason)
	}
	return res
}
