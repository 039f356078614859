package redis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"
)

// How long a Run waits: between two signs of life, for an answer, and before it tries
// again.
const (
	beat     = time.Second
	patience = 3 * time.Second
	minPause = 10 * time.Millisecond
	maxPause = time.Second
)

// Run listens for changes and tells those who called OnChange, until ctx is done or the
// Store is closed. It subscribes on a connection of its own, notices within 5 s that a
// server has gone without a word, and subscribes again for as long as it takes. Where it
// is not subscribed it tells the Logger why, at once and once: a Gate then learns of
// changes only when what it has in its cache is too old. It tells when it is subscribed
// again, and after how long. It returns ctx's error, and with it why it was not
// subscribed, if it was not; after Close, one that wraps net.ErrClosed. A dial that is
// under way is waited for (5 s at most, unless the client's Dialer says otherwise). It
// needs to run once in a process; more do no harm.
//
// Without a Run the Store keeps keys, plans and counters all the same; only nobody is
// told of changes.
func (s *Store) Run(ctx context.Context) error {
	s.running.Add(1)
	defer s.running.Add(-1)
	var why error // it is not subscribed
	out := newOutage(s.logger)
	for pause := minPause; ; pause = min(2*pause, maxPause) {
		heard, err := s.listen(ctx, out)
		if ctx.Err() == nil {
			out.goesOn(ctx, err)
		}
		switch {
		case heard:
			pause, why = minPause, nil
		case !errors.Is(err, ctx.Err()):
			why = err
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
		case why == nil:
			return fmt.Errorf("store/redis: run: %w", ctx.Err())
		default:
			return fmt.Errorf("store/redis: run: %w: %w", ctx.Err(), why)
		}
	}
}

// listen tells of changes until the connection breaks, and says whether it heard any:
// whether it was ever subscribed.
func (s *Store) listen(ctx context.Context, out *outage) (heard bool, err error) {
	l, err := s.connected(ctx)
	if err != nil {
		return false, err
	}
	conn, _ := l.client.Dedicate()
	defer conn.Close()
	broken := conn.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) { s.listeners.Tell(m.Message) },
	})
	// The first command picks the node of a Cluster: the one that changes are made on.
	if err := answers(ctx, conn, conn.B().Exists().Key(s.named("last")).Build()); err != nil {
		return false, err
	}
	signs := time.NewTicker(beat)
	defer signs.Stop()
	for {
		// Subscribing again changes nothing, and its answer shows that the subscription lives.
		if err := answers(ctx, conn, conn.B().Subscribe().Channel(s.named("changes")).Build()); err != nil {
			return heard, err
		}
		if !heard {
			heard = true
			s.listeners.Tell("") // now that no change is missed any more
			out.ends(ctx)
		}
		s.inspect(ctx, l.client)
		select {
		case <-signs.C:
		case <-s.dialing.closed:
			return heard, errClosed
		case err := <-broken:
			return heard, err
		case <-ctx.Done():
			return heard, ctx.Err()
		}
	}
}

// answers sends a command and waits for the answer, not longer than patience.
func answers(ctx context.Context, conn rueidis.DedicatedClient, cmd rueidis.Completed) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return conn.Do(ctx, cmd).Error()
}
