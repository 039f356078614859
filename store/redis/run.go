package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"
)

// How long a Run waits: between two heartbeats, for an answer, and before it subscribes
// again. A server that has gone silent is noticed after heartbeat and answerTimeout
// together.
const (
	heartbeat     = time.Second
	answerTimeout = 3 * time.Second
	minPause      = 10 * time.Millisecond
	maxPause      = time.Second
)

// Run subscribes to changes and tells the functions that were given to OnChange, until
// ctx is done or the Store is closed. It uses a connection of its own. It notices within
// 5s that a server has gone silent, and subscribes again for as long as it takes.
//
// While Run is not subscribed, a Gate learns of a change only when the entries of its
// cache expire. Run logs each reason at once, and only once. When it has subscribed
// again, it logs how long that took.
//
// Run returns the error of ctx. If it was not subscribed, the error also wraps the
// reason. After Close the error wraps net.ErrClosed. Run waits for a dial in progress, at
// most 5s unless the client's Dialer says otherwise.
//
// A process needs one Run. More than one do no harm. Without a Run the Store serves keys,
// plans and counters as usual, but reports no changes.
func (s *Store) Run(ctx context.Context) error {
	defer s.subscription.Run()()
	var reason error // why it is not subscribed
	out := newOutage(s.logger)
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		subscribed, err := s.listen(ctx, out)
		if ends := errors.Is(err, context.Canceled) || errors.Is(err, errClosed); ctx.Err() == nil && !ends {
			out.report(ctx, err)
			s.subscription.Fail(subscribed, markDenied(err))
		}
		switch {
		case subscribed:
			pause, reason = minPause, nil
		case !errors.Is(err, ctx.Err()):
			reason = err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		case <-s.dialing.closed:
		}
		switch {
		case s.dialing.isClosed():
			return fmt.Errorf("store/redis: run: %w", errClosed)
		case ctx.Err() == nil:
		case reason == nil:
			return fmt.Errorf("store/redis: run: %w", ctx.Err())
		default:
			return fmt.Errorf("store/redis: run: %w: %w", ctx.Err(), reason)
		}
	}
}

// listen subscribes and tells of changes until the connection breaks. It reports whether
// it was ever subscribed.
func (s *Store) listen(ctx context.Context, out *outage) (subscribed bool, err error) {
	l, err := s.connected(ctx)
	if err != nil {
		return false, err
	}
	conn, _ := l.client.Dedicate()
	defer conn.Close()
	broken := conn.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) {
			s.subscription.Hear()
			s.listeners.Tell(m.Message)
		},
	})
	// In a Cluster the first command picks the node: the one on which changes are made.
	if err := roundTrip(ctx, conn, conn.B().Exists().Key(s.directoryKey("last")).Build()); err != nil {
		return false, err
	}
	heartbeats := time.NewTicker(heartbeat)
	defer heartbeats.Stop()
	for {
		// To subscribe again changes nothing. Its answer shows that the subscription lives.
		if err := roundTrip(ctx, conn, conn.B().Subscribe().Channel(s.directoryKey("changes")).Build()); err != nil {
			return subscribed, err
		}
		if !subscribed {
			subscribed = true
			defer s.subscription.Subscribe()()
			s.listeners.Tell("") // only now: a change made after this is heard
			out.end(ctx)
		}
		s.inspect(ctx, l.client)
		select {
		case <-heartbeats.C:
		case <-s.dialing.closed:
			return subscribed, errClosed
		case err := <-broken:
			return subscribed, err
		case <-ctx.Done():
			return subscribed, ctx.Err()
		}
	}
}

// roundTrip sends cmd and waits for the answer, at most for answerTimeout.
func roundTrip(ctx context.Context, conn rueidis.DedicatedClient, cmd rueidis.Completed) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return conn.Do(ctx, cmd).Error()
}
