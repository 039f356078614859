package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
)

// ErrInvalid is wrapped by the errors of New.
var ErrInvalid = errors.New("client: invalid")

// Config configures a Transport. The zero Config adds no key, and has the default bounds.
type Config struct {
	// Key is added to each request for Host that has no credential. If empty, no key is
	// added.
	Key Key

	// Host is the only host that is sent the Key, such as "api.example.com" or
	// "localhost:8080". Without a port it is the default port of the request's scheme.
	// It is required if there is a Key.
	Host string

	// Header is the header field of the Key. The default is X-Api-Key.
	Header string

	// Bearer sends the Key as a bearer token, in the header field Authorization. Then
	// Header must be empty.
	Bearer bool

	// Insecure allows that the Key is sent over plain HTTP. Without it, that is done only
	// if Host is a loopback address or localhost.
	//
	// Security: everybody on the network's path can read such a Key.
	Insecure bool

	// MaxWait bounds how long a request waits to be sent, all attempts together. The
	// request's context bounds it as well. The default is 1m.
	MaxWait time.Duration

	// MaxAttempts bounds how often a request is sent. The default is 3.
	MaxAttempts int

	// Spread is the longest window over which requests are paced. The default is 1m. With
	// a day or more, an allowance of a day is used evenly over the day.
	Spread time.Duration

	// Partition names the limits of the server that a request uses, such as "search".
	// Requests with different names do not share limits. It must not read the request's
	// body. If nil, all requests to a host with one credential share them.
	Partition func(*http.Request) string
}

const (
	defaultMaxWait     = time.Minute
	defaultMaxAttempts = 3
	defaultSpread      = time.Minute
	defaultHeader      = "X-Api-Key"

	maxKey = 4096 // bytes
)

// check returns the faults of a Config.
func (c *Config) check(base http.RoundTripper) error {
	errs := []error{
		nilcheck.Optional("base", base, "an http.RoundTripper"),
		atLeastZero("maxWait", c.MaxWait), atLeastZero("spread", c.Spread),
		c.keyFault(), c.headerFault(), c.hostFault(),
	}
	if c.MaxAttempts < 0 {
		errs = append(errs, fmt.Errorf("maxAttempts: %d: want 0 or more", c.MaxAttempts))
	}
	return fault.Report(ErrInvalid, "config", errs...)
}

// withDefaults returns c with the defaults in place of zero values.
func (c Config) withDefaults() Config {
	c.MaxWait = cmp.Or(c.MaxWait, defaultMaxWait)
	c.MaxAttempts = cmp.Or(c.MaxAttempts, defaultMaxAttempts)
	c.Spread = cmp.Or(c.Spread, defaultSpread)
	c.Header = cmp.Or(c.Header, defaultHeader)
	if c.Bearer {
		c.Header = "Authorization"
	}
	return c
}

// keyFault does not show the key.
func (c *Config) keyFault() error {
	if len(c.Key) > maxKey {
		return fmt.Errorf("key: %d bytes: want at most %d", len(c.Key), maxKey)
	}
	for i := range len(c.Key) {
		if c.Key[i] <= ' ' || c.Key[i] > '~' {
			return fmt.Errorf("key: byte %d: want visible ASCII characters", i)
		}
	}
	return nil
}

func (c *Config) headerFault() error {
	switch name := http.CanonicalHeaderKey(c.Header); {
	case c.Header == "":
		return nil
	case c.Bearer:
		return fmt.Errorf("header: %.40q: want none with bearer", c.Header)
	case strings.Trim(strings.ToLower(c.Header), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
		return fmt.Errorf("header: %.40q: want letters, digits, - and _", c.Header)
	case name == "Host" || name == "Content-Length" || name == "Transfer-Encoding" || name == "Connection" || name == "Trailer":
		return fmt.Errorf("header: %q: want a header field of the request that no other thing uses", name)
	}
	return nil
}

func (c *Config) hostFault() error {
	switch {
	case c.Host == "" && c.Key != "":
		return errors.New("host: empty: want the host that is sent the key")
	case c.Host == "":
		return nil
	}
	if name, _, ok := splitHost(c.Host); !ok || name == "" {
		return fmt.Errorf("host: %.80q: want a host or host:port, without a scheme or path", c.Host)
	}
	return nil
}

func atLeastZero(field string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s: %v: want 0 or more", field, d)
	}
	return nil
}
