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
// Caution: at the end of a window, such as at midnight, a client can use up the old
// window and then the new one. So it may get twice the limit of a quota within a moment.
// A throttle smooths that.
package gate
