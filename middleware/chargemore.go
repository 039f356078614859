package middleware

import (
	"net/http"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// ChargeMore decides about further costs of a request that d has admitted, such as those
// of the next message of a stream. If the limits have room for the costs, ChargeMore
// charges them, in one step. It counts no further request, and asks neither Config.Costs
// nor Config.ID nor Config.Free. The key and its scope are checked again, so a key that
// was disabled meanwhile is refused. See gate.Request.More.
//
// The Result is for WriteHeaders. Its Decision is about the further costs alone, and can
// be settled or refunded. The caller keeps on using d for the costs before, which
// ChargeMore leaves alone.
//
// Call ChargeMore with the request that the handler has, since its context knows the
// route.
func (m *Middleware) ChargeMore(r *http.Request, d *gate.Decision, costs usageplan.Costs) *Result {
	res := &Result{mw: m, jitter: m.cfg.draw()}
	if d.Key == nil {
		res.Skipped = true
		return res
	}
	found := Credential{KeyID: d.Key.ID}
	m.decideMore(r, &found, costs, res)
	m.failures.noteDecision(r.Context(), res)
	m.conclude(r, &found, res, nil)
	return res
}

// decideMore asks the Gate about further costs of a request of known credential.
func (m *Middleware) decideMore(r *http.Request, found *Credential, costs usageplan.Costs, res *Result) {
	rt := m.routeOf(r, m.muxOf(r))
	req := gate.Request{Costs: costs, More: true}
	if res.Err = m.describe(r, &rt, found, &req); res.Err != nil {
		res.Decision.Reason = gate.Invalid
		return
	}
	res.Err = m.gate.AdmitInto(r.Context(), &req, &res.Decision)
	m.noteScope(r, &req, res)
}
