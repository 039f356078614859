package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A Transport is an http.RoundTripper that keeps to the limits of servers. It is safe for
// concurrent use, and all goroutines share what it knows. It starts no goroutine, and
// keeps no timer when no request waits.
type Transport struct {
	base   http.RoundTripper
	cfg    Config
	origin origin
	all    *partitions
}

// New returns a Transport that sends requests through base. If base is nil, it is
// http.DefaultTransport. The error wraps ErrInvalid and reports every fault at once.
func New(base http.RoundTripper, cfg Config) (*Transport, error) {
	if err := cfg.check(base); err != nil {
		return nil, err
	}
	if base == nil {
		base = http.DefaultTransport
	}
	cfg = cfg.withDefaults()
	return &Transport{base, cfg, newOrigin(cfg.Host, cfg.Insecure), newPartitions(cfg.Spread)}, nil
}

// String returns the name of the type.
func (t *Transport) String() string { return "client.Transport" }

// Format prints String for every verb. The default formatting would read the fields
// without synchronization, and the base may have secrets.
func (t *Transport) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// CloseIdleConnections closes the idle connections of the base, if it can.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends a request when the limits of the server allow it, and returns the
// answer. It sends the request again as the package's doc says. An answer that cannot be
// improved in time, such as a 429 that asks for a longer wait than is allowed, is
// returned and is no error.
//
// If the request would wait beyond its context's deadline or Config.MaxWait, RoundTrip
// returns a *WaitError at once. If the context ends meanwhile, it returns the context's
// error. Other errors are those of the base.
//
// The request stays as it is: it does not get the key, and neither does
// Response.Request.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil {
		closeBody(req)
		return nil, errors.New("client: request: no URL")
	}
	out := t.withKey(req)
	p := t.all.acquire(t.partitionKey(req, out))
	defer t.all.release(p)
	r := &attempt{host: req.URL.Host, left: t.cfg.MaxWait}
	for {
		resp, err := t.send(p, r, out)
		if err != nil {
			return nil, err
		}
		resp.Request = req
		a := readAnswer(resp.Header, time.Now())
		r.read(resp.StatusCode, &a)
		p.observe(r, &a, time.Now())
		if r.number >= t.cfg.MaxAttempts || !r.again(req, &a) || !p.mayWait(req.Context(), r) {
			return resp, nil
		}
		next, err := renewed(out)
		if err != nil {
			return resp, nil // the answer is better than an error
		}
		discard(resp)
		out = next
	}
}

// send waits and sends the request once.
func (t *Transport) send(p *shared, r *attempt, out *http.Request) (*http.Response, error) {
	if err := p.wait(out.Context(), r); err != nil {
		closeBody(out)
		return nil, err
	}
	r.number++
	answered := false
	defer func() {
		if !answered { // also if the base panics
			p.fail()
		}
	}()
	resp, err := t.base.RoundTrip(out)
	answered = err == nil
	return resp, err
}

// mayWait reports whether a request may wait until it could be sent again.
func (p *partition) mayWait(ctx context.Context, r *attempt) bool {
	now := time.Now()
	b := newBound(ctx, r.host, now, r.left)
	p.mu.Lock()
	defer p.mu.Unlock()
	return ctx.Err() == nil && b.check(p.slot(1, now, 0), now) == nil
}

// partitionKey returns the key of the partition whose limits a request uses.
func (t *Transport) partitionKey(req, out *http.Request) partitionKey {
	key := partitionKey{
		scheme: req.URL.Scheme, host: strings.ToLower(req.URL.Host),
		credential: t.all.hash(out.Header, "Authorization", defaultHeader, t.cfg.Header),
	}
	if t.cfg.Partition != nil {
		key.name = t.cfg.Partition(req)
	}
	return key
}

// renewed returns a copy of the request with its body from the start.
func renewed(out *http.Request) (*http.Request, error) {
	next := out.Clone(out.Context())
	if out.GetBody == nil {
		return next, nil
	}
	body, err := out.GetBody()
	next.Body = body
	return next, err
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
