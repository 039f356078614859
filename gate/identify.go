package gate

import "context"

// Identify decides a request by its key, its plans and its groups alone, and asks no
// Counter. Allowed reports whether the limits would decide. Otherwise the Reason is that
// of Admit. Nothing is charged, and the Observer is not told.
func (g *Gate) Identify(ctx context.Context, req Request) (Outcome, error) {
	var d Decision
	_, b, err := g.identify(ctx, &req, g.clock.read(), &d, false, nil)
	d.Peeked, d.More = true, req.More
	if b != nil {
		d.Allowed, d.Reason = true, Admitted
	}
	return d.Outcome, err
}
