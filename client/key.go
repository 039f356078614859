package client

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// A Key is an API key. It prints as three dots, whatever prints it.
type Key string

const hidden = "..."

// String returns three dots.
func (k Key) String() string { return hidden }

// GoString returns three dots, for packages that print values in Go syntax.
func (k Key) GoString() string { return hidden }

// Format prints three dots for every verb and flag.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue returns three dots, for package log/slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns three dots, for packages such as encoding/json. The error is always
// nil.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// withKey returns req with the key. It returns req itself if req may not have the key.
// The original never gets the key, because http.Client copies its header when it follows
// a redirect.
func (t *Transport) withKey(req *http.Request) *http.Request {
	if t.cfg.Key == "" || t.hasCredential(req) || !t.ours(req) {
		return req
	}
	out := req.Clone(req.Context())
	if out.Header == nil {
		out.Header = http.Header{}
	}
	value := string(t.cfg.Key)
	if t.cfg.Bearer {
		value = "Bearer " + value
	}
	out.Header.Set(t.cfg.Header, value)
	return out
}

// hasCredential reports whether the request brings a credential, in any form that servers
// of keys read. Two credentials would be refused, or the wrong one used.
func (t *Transport) hasCredential(req *http.Request) bool {
	h := req.Header
	return req.URL.User != nil || len(h.Values("Authorization")) > 0 || len(h.Values(defaultHeader)) > 0 ||
		len(h.Values(t.cfg.Header)) > 0
}

// ours reports whether the request, and all requests that were redirected to it, go to
// the host of the key. A redirect back from another host is not ours, because the other
// host has chosen the path and the query.
func (t *Transport) ours(req *http.Request) bool {
	for r := req; r != nil; {
		if r.URL == nil || !t.origin.allows(r.URL) {
			return false
		}
		if r.Response == nil {
			return true
		}
		r = r.Response.Request
	}
	return false // the request before the redirect is unknown
}
