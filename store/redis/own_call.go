package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

const (
	// A caller whose deadline is at most nearDeadline away makes an own call.
	nearDeadline = minCallTime

	// At most maxOwnCalls own calls of one queue are in flight. Each needs a connection.
	maxOwnCalls = 2

	// A warmUp ends within warmUpTime, and the next one begins no sooner.
	warmUpTime = time.Second
)

// ownCall makes the call of r on the caller's goroutine. It returns by ctx's deadline.
//
// The connection that the client shares between all calls does not keep that promise. A
// call that finds this connection lost waits for the call that is making a new one, which
// may have ten seconds. So an own call takes a connection of the client's pool, as a
// blocking command does. No other call uses that connection meanwhile. If none is there,
// the client makes one within ctx.
//
// In a Cluster no call is an own call. Before a call has a connection there, it may have
// to wait until the client has read the map of the slots.
func (l *link) ownCall(ctx context.Context, s *scripts, r *request) (string, error) {
	result := l.client.Do(ctx, l.ownCommand("EVALSHA", s.one.sha, r))
	if errorCode(result.Error()) == "NOSCRIPT" && ctx.Err() == nil {
		result = l.client.Do(ctx, l.ownCommand("EVAL", s.one.text, r))
	}
	if result.NonRedisError() != nil {
		l.warm.Store(false)
	}
	return result.ToString()
}

// ownCommand returns a command that the client marks as blocking, so that it takes a
// connection of the pool.
func (l *link) ownCommand(verb, script string, r *request) rueidis.Completed {
	args := r.args()
	return l.client.B().Arbitrary(verb, script, "1").Keys(r.value()).Args(args[:]...).Blocking()
}

// warmUp makes a connection for own calls, on a goroutine that ends within warmUpTime. A
// distant server does not answer a new connection within the deadline of a decision. A
// server that refuses the connection is asked once in warmUpTime.
func (l *link) warmUp() {
	now := time.Now().UnixNano()
	if l.warm.Load() || now-l.warmedAt.Load() < int64(warmUpTime) || !l.warming.CompareAndSwap(false, true) {
		return
	}
	l.warmedAt.Store(now)
	go func() {
		defer l.warming.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), warmUpTime)
		defer cancel()
		ping := l.client.B().Arbitrary("PING").Blocking()
		l.warm.Store(l.client.Do(ctx, ping).Error() == nil)
	}()
}
