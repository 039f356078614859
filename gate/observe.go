package gate

import "context"

// An Observer is told of every decision of a Gate. It feeds metrics, logs and events.
type Observer interface {
	// Decided is called after each decision, on the request's own goroutine. It gets
	// the Outcome and the error that Admit or Peek returns. Peeked tells the two apart: a
	// Peek charges nothing, and admits and refuses no request.
	//
	// Decided must return quickly and be safe for concurrent use. It may keep the
	// Outcome, but cannot settle it. The Secret of req prints as a hint only.
	Decided(ctx context.Context, req Request, o Outcome, err error)
}
