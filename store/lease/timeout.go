package lease

import (
	"context"
)

// Local implements store.Local: callers need no deadline, since Config.Timeout bounds how
// long a call waits. A charge that is decided here needs none, and makes no timer.
func (l *Counter) Local() bool { return true }

// within returns ctx with the deadline of a charge that waits. Reports, SetRemaining and
// Move have none but that of their caller.
func (l *Counter) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, l.cfg.Timeout)
}
