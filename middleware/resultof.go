package middleware

import "github.com/ration-go/ration/gate"

// ResultOf returns the Result of a decision that did not come from Check. It is for
// services that ask the Gate themselves. They answer with WriteHeaders, WriteProblem or
// WriteAWS of the Result, as Handler would.
//
// ResultOf takes for granted that the request had a credential, since the Gate was asked
// about it. So the challenge of a 401 has error="invalid_token". That of a key without
// the scope has error="insufficient_scope", and does not name the scope.
//
// Caution: settle the Decision that the Gate returned, not that of the Result. The Result
// holds a copy, which could be settled a second time.
func (m *Middleware) ResultOf(o gate.Outcome) *Result {
	res := &Result{mw: m, jitter: m.cfg.draw()}
	res.Decision.Outcome = o
	if !o.Allowed {
		res.Status = m.statusOf(&res.Decision.Outcome)
		res.authenticate = m.challenges.of(o.Reason, res.Status)
	}
	return res
}
