package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// Open returns a Store that connects by itself, when it is first used, and tries again when it is used after a failure; until
// there is a connection its calls fail with an error that wraps store.ErrNotTaken. So a service starts while its Redis is
// down, and recovers when it comes. Close the Store when it is no longer used.
//
// The url is redis://user:password@host:port/db, rediss:// for TLS, or unix:///path?db=0. Parameters: db, where it is not in
// the path; addr, again and again, for more nodes of a Cluster, or more Sentinels; master_set, the name of the Sentinels'
// master; dial_timeout, 5s by default; write_timeout, 1s by default, after which a connection that does not answer is given
// up; client_name; skip_verify for a certificate that nobody vouches for. Any other is refused: a misspelt master_set would
// take a Sentinel for the server. For all else make the client, and use New.
//
// A certificate must be for the name by which its node is reached. Of a node that is known by its IP address alone, as those
// of many Clusters are, it must be for the host of the url.
func Open(url string, cfg Config) (*Store, error) {
	s, err := prepare(cfg)
	option, fault := optionOf(url)
	if err := errors.Join(fault, err); err != nil {
		return nil, fmt.Errorf("store/redis: open: %w", err)
	}
	s.dialing.option, s.dialing.closed = option, make(chan struct{})
	return s, nil
}

// optionOf names what is wrong, and leaves out how it was written: a password with a slash or an @ in it turns up anywhere.
func optionOf(text string) (rueidis.ClientOption, error) {
	option, err := rueidis.ParseURL(text)
	if _, malformed := errors.AsType[*url.Error](err); malformed {
		return option, errors.New("url: malformed: want redis://, rediss:// or unix://, what is special in a password percent-encoded")
	}
	if err != nil {
		what, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "redis: "), ":")
		return option, fmt.Errorf("url: %s", what)
	}
	if err := parametersFault(text); err != nil {
		return option, err
	}
	option.DisableCache = true // of answers, which are never the same twice
	if option.ConnWriteTimeout == 0 {
		option.ConnWriteTimeout = brief
	}
	if option.TLSConfig != nil {
		option.Sentinel.TLSConfig = option.TLSConfig
		option.DialCtxFn = dialTLS
	}
	return option, nil
}

// parameters are those of Open. ParseURL has some more, and passes over all that it does not know.
var parameters = []string{"db", "addr", "master_set", "dial_timeout", "write_timeout", "client_name", "skip_verify"}

// parametersFault names the parameters of a url, which ParseURL has read, that Open does not have. It names none where an @
// follows: what looks like parameters is then the end of a password with a question mark in it.
func parametersFault(text string) error {
	_, query, _ := strings.Cut(text, "?")
	isPassword := strings.Contains(query, "@")
	query, _, _ = strings.Cut(query, "#")
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("url: parameters: malformed: want what is special percent-encoded")
	}
	var errs []error
	known := strings.Join(parameters, ", ")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case slices.Contains(parameters, name):
		case isPassword:
			return fmt.Errorf("url: unknown parameter: want one of %s, and what is special in a password percent-encoded", known)
		default:
			errs = append(errs, fmt.Errorf("url: parameter %.40q: want one of %s", name, known))
		}
	}
	return errors.Join(errs...)
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

// dialing is how a Store of Open comes to its client. One attempt is made at a time, for all who wait.
type dialing struct {
	option rueidis.ClientOption

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

// connected is the link, which may have to be made first. Its errors wrap store.ErrNotTaken.
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

// dial waits for an attempt to end, but no longer than for ctx. The attempt goes on for those who come later: it ends by
// the dialer's own timeout.
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
	client, err := rueidis.NewClient(s.dialing.option)
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

// Close closes the connections of a Store that Open made; the client that New was given stays as it is. Calls that are under
// way fail, as do those that come later, and a Run ends. It may be called again.
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
