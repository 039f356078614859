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

// Open returns a Store that connects when it is first used. After a failure it connects
// when it is used again. Until there is a connection, its calls fail with an error that
// wraps store.ErrNotTaken. So a service can start while its Redis is down, and recovers
// when Redis comes up. Close the Store when it is no longer used.
//
// The url is redis://user:password@host:port/db, rediss:// for TLS, or unix:///path?db=0.
// The schemes valkey and valkeys mean redis and rediss. The host is required: Open never
// assumes a local server, so that an unset variable is an error and not a quota for one
// machine. The default port is 6379. The parameters are:
//
//   - db is the number of the database, if it is not in the path.
//   - addr is the host:port of one more node of a Cluster, or of one more Sentinel. It
//     may be repeated.
//   - master_set is the name of the Sentinels' master.
//   - dial_timeout limits the making of a connection. The default is 5s.
//   - write_timeout is how long a connection may give no answer before it is given up.
//     The default is 1s.
//   - client_name is shown in the server's CLIENT LIST.
//   - skip_verify accepts any certificate.
//
// Open refuses any other parameter, because a misspelt master_set would take a Sentinel
// for the server. For any other setting make the client, and use New.
//
// Security: A certificate must be for the name by which its node is reached. If a node is
// known only by its IP address, as in many Clusters, the certificate must be for the host
// of the url.
func Open(url string, cfg Config) (*Store, error) {
	s, err := prepare(cfg)
	option, fault := parseOption(url)
	if err := errors.Join(fault, err); err != nil {
		return nil, fmt.Errorf("store/redis: open: %w", err)
	}
	s.dialing.option = func() rueidis.ClientOption { return option }
	s.dialing.closed = make(chan struct{})
	return s, nil
}

// dialTLS verifies that the certificate of a node is for the node's name, if addr has a
// name. Otherwise it must be for the ServerName of cfg, which is the host of the url.
func dialTLS(ctx context.Context, addr string, dialer *net.Dialer, cfg *tls.Config) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err == nil && net.ParseIP(host) == nil {
		cfg = cfg.Clone()
		cfg.ServerName = host
	}
	return (&tls.Dialer{NetDialer: dialer, Config: cfg}).DialContext(ctx, "tcp", addr)
}

// dialing makes the client of a Store that Open made. One attempt is made at a time, for
// all callers that wait.
type dialing struct {
	option func() rueidis.ClientOption // a func, so that fmt prints no password

	mu      sync.Mutex
	attempt chan struct{} // closed when the attempt is over; nil if there is none
	err     error         // of the last attempt
	next    time.Time     // no attempt begins before next
	pause   time.Duration
	closed  chan struct{} // closed by Close; nil if the caller made the client
}

// isClosed reports whether Close was called. If the caller made the client, it never is:
// a nil channel blocks.
func (d *dialing) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}

// The pause after an attempt that failed. It doubles from minRedial to maxRedial.
const (
	minRedial = 50 * time.Millisecond
	maxRedial = time.Second
)

// connected returns the link. If there is none, it connects first. Its errors wrap
// store.ErrNotTaken.
func (s *Store) connected(ctx context.Context) (*link, error) {
	if l := s.link.Load(); l != nil {
		return l, nil
	}
	err := s.dial(ctx)
	if l := s.link.Load(); err == nil && l != nil {
		return l, nil
	}
	return nil, fmt.Errorf("store/redis: connect: %w: %w", store.ErrNotTaken, markDenied(err))
}

// dial waits until an attempt to connect ends, or until ctx is done. The attempt goes on
// for later callers: only the dialer's own timeout ends it.
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
		go s.connect()
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

// connect makes one attempt. It runs on a goroutine of its own, and closes d.attempt.
func (s *Store) connect() {
	client, err := rueidis.NewClient(s.dialing.option())
	if err == nil {
		s.inspect(context.Background(), client)
	}
	d := &s.dialing
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err != nil:
		d.pause = min(max(2*d.pause, minRedial), maxRedial)
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

// Close closes the connections of a Store that Open made. It leaves the client that New
// was given open. Calls in flight fail, later calls fail, and a Run ends. Close may be
// called again.
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
