package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// Open returns a Store that connects by itself, when it is first used, and tries again
// when it is used after a failure; until there is a connection its calls fail with an
// error that wraps store.ErrNotTaken. So a service starts while its Redis is down, and
// recovers when it comes. Close the Store when it is no longer used.
//
// The url is redis://user:password@host:port/db, rediss:// for TLS, or unix:///path?db=0;
// valkey:// and valkeys:// are redis:// and rediss://. The host must be there: Open dials
// no host that the url does not name, so that an unset variable is an error and no quota
// of one machine. Without a port it is 6379. Parameters:
//
//   - db is the number of the database, where it is not in the path.
//   - addr, which may be repeated, is the host:port of one more node of a Cluster, or of
//     one more Sentinel.
//   - master_set is the name of the Sentinels' master.
//   - dial_timeout is 5s by default.
//   - write_timeout is 1s by default. A connection that does not answer for so long is
//     given up.
//   - client_name is shown in the server's CLIENT LIST.
//   - skip_verify accepts any certificate.
//
// Open refuses any other parameter: a misspelt master_set would take a Sentinel for the
// server. For all else make the client, and use New.
//
// A certificate must be for the name by which its node is reached. Of a node that is
// known by its IP address alone, as those of many Clusters are, it must be for the host
// of the url.
func Open(url string, cfg Config) (*Store, error) {
	s, err := prepare(cfg)
	option, fault := optionOf(url)
	if err := errors.Join(fault, err); err != nil {
		return nil, fmt.Errorf("store/redis: open: %w", err)
	}
	s.dialing.option = func() rueidis.ClientOption { return option }
	s.dialing.closed = make(chan struct{})
	return s, nil
}

// dialTLS wants the certificate of a node to be for that node's name, where it has one.
func dialTLS(ctx context.Context, addr string, dialer *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err == nil && net.ParseIP(host) == nil {
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	return (&tls.Dialer{NetDialer: dialer, Config: cfg}).DialContext(ctx, "tcp", addr)
}

// dialing is how a Store of Open comes to its client. One attempt is made at a time, for
// all who wait.
type dialing struct {
	option func() rueidis.ClientOption // a function, since fmt prints whatever else has the password in it

	mu      sync.Mutex
	attempt chan struct{} // closed when it is over; nil: none is under way
	err     error         // of the last one
	next    time.Time     // is not before
	pause   time.Duration
	closed  chan struct{} // by Close; nil: the client is not ours
}

func (d *dialing) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

// Pauses between attempts that failed.
const (
	shortest = 50 * time.Millisecond
	longest  = time.Second
)

// connected is the link, which may have to be made first. Its errors wrap
// store.ErrNotTaken.
func (s *Store) connected(ctx context.Context) (*link, error) {
	if l := s.link.Load(); l != nil {
		return l, nil
	}
	err := s.dial(ctx)
	if l := s.link.Load(); err == nil && l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("store/redis: connect: %w: %w", store.ErrNotTaken, err)
}

// dial waits for an attempt to end, but no longer than for ctx. The attempt goes on for
// those who come later: it ends by the dialer's own timeout.
func (s *Store) dial(ctx context.Context) error {
	d := &s.dialing
	d.mu.Lock()
	switch {
	case d.isClosed():
		d.mu.Unlock()
		return errClosed
	case d.attempt == nil && time.Now().Before(d.next):
		defer d.mu.Unlock()
		return d.err
	case d.attempt == nil:
		d.attempt = make(chan struct{})
		go s.attempt()
	}
	attempt := d.attempt
	d.mu.Unlock()
	select {
	case <-attempt:
	case <-ctx.Done():
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

var errClosed = fmt.Errorf("the store is closed: %w", net.ErrClosed)

func (s *Store) attempt() {
	client, err := rueidis.NewClient(s.dialing.option())
	if err == nil {
		s.inspect(context.Background(), client)
	}
	d := &s.dialing
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		d.pause = min(max(2*d.pause, shortest), longest)
		d.next = time.Now().Add(d.pause)
	case d.isClosed():
		client.Close()
		err = errClosed
	default:
		s.use(client)
	}
	d.err = err
	close(d.attempt)
	d.attempt = nil
}

// Close closes the connections of a Store that Open made; the client that New was given
// stays as it is. Calls that are under way fail, as do those that come later, and a Run
// ends. It may be called again.
func (s *Store) Close() {
	d := &s.dialing
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed == nil || d.isClosed() {
		return
	}
	close(d.closed)
	if l := s.link.Swap(nil); l != nil {
		l.client.Close()
	}
}
