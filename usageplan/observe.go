package usageplan

import "context"

// Observer is told of every decision of a Gate: for metrics, logs and events.
type Observer interface {
	// Decided is called in the request's own goroutine after the decision, with what Admit or Peek returns; of req, the
	// Secret prints as a hint only. It is quick and safe for concurrent use.
	Decided(ctx context.Context, req Request, d Decision, err error)
}
