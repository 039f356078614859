package gate

import "context"

// Observer is told of every decision of a Gate: for metrics, logs and events.
type Observer interface {
	// Decided is called in the request's own goroutine after the decision, with the Outcome
	// and the error that Admit or Peek returns. An Observer may keep the Outcome, and cannot
	// settle it. The Secret of req prints as a hint only. Decided is quick and safe for
	// concurrent use.
	Decided(ctx context.Context, req Request, o Outcome, err error)
}
