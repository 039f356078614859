// Package alert tells a service when keys and groups have used so much of their quotas:
// 50, 80 and 100 percent, or what a plan or a link says in its Alerts. So a customer can
// be warned before requests are refused.
//
// An [Observer] is a gate.Observer. It calls a function of the service for each [Event]:
//
//	alerts, err := alert.New(notify, alert.Config{})
//	...
//	r, err := ration.New(st, ration.Config{Gate: gate.Config{Observer: alerts}})
//	...
//	go alerts.Run(ctx)
//
// # What is promised
//
// Every threshold of every window that a quota reaches fires at least once, over all
// processes. The decision that crosses a threshold knows, because a Counter's answer says
// what was used before and after. If that answer is lost, the next decision knows: a
// process fires each threshold that it finds reached and has not fired itself. So several
// processes may fire one, and a process that restarts fires it again. All of them give
// the Event the same ID, by which a receiver drops repeats. Nothing is written to the
// store.
//
// An Event is for one allowance. If [gate.Gate.SetRemaining] extends or cuts the window,
// or its limit changes, there is another allowance, and its thresholds fire with other
// IDs: a customer who bought more is warned again.
//
// The thresholds of a plan or a link may change during a window. Those above the highest
// one that has fired count at once. A process that has fired a higher one leaves lower
// ones out until the next window: the customer was warned of more already.
//
// A refund fires nothing and takes nothing back. A threshold that is reached a second
// time after a refund has the same ID as the first time. A settlement fires the
// thresholds that its additional costs reach, at once. Estimated costs count as used
// until they are settled.
//
// Soft quotas fire, too, and so do all quotas while Gate.Enforce is off. Throttles do
// not.
//
// A decision by the failure policy knows no use, and fires nothing. The next decision of
// the store does.
//
// With leases, see store/lease, an Event is right within one block: a process counts its
// own units when it spends them, and the units of others when they lease them. So an
// Event may be early by what other processes hold, and late by what they have leased
// within the Life of a lease. Soft quotas are late by as much, since they are charged
// after the units are spent.
//
// # Delivery
//
// A decision never waits. It puts an Event into a queue, and Run delivers from there.
// When the queue is full, the threshold stays open, and a later decision fires it.
// Events that are in the queue of a process that crashes are lost with it. The next
// decision about the key, in any process that has not fired them, fires them again. See
// examples/webhook for a delivery that survives crashes from there on.
package alert
