// Package usageplan is what keys may do: plans with a throttle and quotas, links that tie keys to plans, and the Gate that
// decides each request.
//
// A [Plan] says how much: a token bucket (so many a second, and so many at once), any of several quotas by the calendar,
// throttles of single routes, and the API stages it is for. A [Link] ties a key to a plan and says who pays: the subject,
// whose counts they are. [Service] manages plans and links; [Gate] enforces them. Admit identifies the key, finds its plan
// for the API stage, and charges the throttle, every quota and the usage record in one step, all or nothing:
//
//	gate, err := usageplan.NewGate(usageplan.GateConfig{Keys: st, Plans: st, Counter: st})
//	d, err := gate.Admit(ctx, usageplan.Request{Secret: secret})
//	if !d.Allowed { ... d.Reason, d.RetryAfter ... }
//
// There is no HTTP in this package: a queue worker or a gRPC server uses the Gate as package middleware does.
//
// Two quota windows that adjoin admit up to twice the limit within a moment, at the turn of the day or month. A throttle
// is what smooths that.
package usageplan
