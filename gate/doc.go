// Package gate decides whether an API key may make a request now, by the usage plan of
// the key: its token bucket and its quotas.
//
// [Gate.Admit] identifies the key, finds its plan for the API stage, and charges the
// throttle, every quota and the usage record in one step, all or nothing:
//
//	g, err := gate.New(st, st, st, gate.Config{})
//	d, err := g.Admit(ctx, gate.Request{Secret: secret})
//	if !d.Allowed { ... d.Reason, d.RetryAfter ... }
//
// Package usageplan manages the plans and the links that tie keys to them. There is no
// HTTP in this package: a queue worker or a gRPC server uses the Gate as package
// middleware does.
//
// Two quota windows that adjoin admit up to twice the limit within a moment, at the turn
// of the day or month. A throttle smooths that.
package gate
