package redis

import (
	"context"
	"strconv"
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
	if r.parts == 1 {
		key, args := [1]string{r.key()}, r.args()
		return whole(r, l.runOwn(ctx, &s.one, key[:], args[:]))
	}
	p := payloadOf(r)
	defer payloadPool.Put(p)
	keys, args := p.call()
	return whole(r, l.runOwn(ctx, &s.many, keys, args))
}

// runOwn runs a script as run does, on a connection of the pool.
func (l *link) runOwn(ctx context.Context, sc *script, keys, args []string) rueidis.RedisResult {
	result := l.client.Do(ctx, l.ownCommand("EVALSHA", sc.sha, keys, args))
	if errorCode(result.Error()) == "NOSCRIPT" && ctx.Err() == nil {
		result = l.client.Do(ctx, l.ownCommand("EVAL", sc.text, keys, args))
	}
	if result.NonRedisError() != nil {
		l.warm.Store(false)
	}
	return result
}

// ownCommand returns a command that the client marks as blocking, so that it takes a
// connection of the pool.
func (l *link) ownCommand(verb, script string, keys, args []string) rueidis.Completed {
	return l.client.B().Arbitrary(verb, script, strconv.Itoa(len(keys))).Keys(keys...).Args(args...).Blocking()
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
