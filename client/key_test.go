package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/client"
	"github.com/ration-go/ration/internal/leak"
)

const key = client.Key("acme_live_0123456789")

// TestKey lists which requests get the key.
func TestKey(t *testing.T) {
	https := client.Config{Key: key, Host: "api.example.com"}
	bearer := client.Config{Key: key, Host: "api.example.com", Bearer: true}
	local := client.Config{Key: key, Host: "localhost:8080"}
	tests := map[string]struct {
		cfg    client.Config
		url    string
		header []string
		want   []string // of X-Api-Key, Authorization, X-Token
	}{
		"host":            {https, "https://api.example.com/a?b", nil, []string{string(key), "", ""}},
		"port":            {https, "https://api.example.com:443/", nil, []string{string(key), "", ""}},
		"upper case":      {https, "https://API.Example.com/", nil, []string{string(key), "", ""}},
		"dot":             {https, "https://api.example.com./", nil, []string{string(key), "", ""}},
		"bearer":          {bearer, "https://api.example.com/", nil, []string{"", "Bearer " + string(key), ""}},
		"header":          {client.Config{Key: key, Host: "api.example.com", Header: "X-Token"}, "https://api.example.com/", nil, []string{"", "", string(key)}},
		"configured port": {client.Config{Key: key, Host: "api.example.com:8443"}, "https://api.example.com:8443/", nil, []string{string(key), "", ""}},
		"localhost":       {local, "http://localhost:8080/", nil, []string{string(key), "", ""}},
		"loopback":        {client.Config{Key: key, Host: "127.0.0.1:80"}, "http://127.0.0.1/", nil, []string{string(key), "", ""}},
		"loopback, IPv6":  {client.Config{Key: key, Host: "[::1]:8080"}, "http://[0:0::1]:8080/", nil, []string{string(key), "", ""}},
		"insecure":        {client.Config{Key: key, Host: "api.internal", Insecure: true}, "http://api.internal/", nil, []string{string(key), "", ""}},

		"plain HTTP":       {https, "http://api.example.com/", nil, []string{"", "", ""}},
		"HTTP on 443":      {https, "http://api.example.com:443/", nil, []string{"", "", ""}},
		"other host":       {https, "https://example.com/", nil, []string{"", "", ""}},
		"sub-domain":       {https, "https://api.example.com.evil.org/", nil, []string{"", "", ""}},
		"prefix":           {https, "https://evil-api.example.com/", nil, []string{"", "", ""}},
		"other port":       {https, "https://api.example.com:8443/", nil, []string{"", "", ""}},
		"another loopback": {local, "http://127.0.0.1:8080/", nil, []string{"", "", ""}},
		"default port":     {local, "http://localhost/", nil, []string{"", "", ""}},
		"user info":        {https, "https://api.example.com@evil.org/", nil, []string{"", "", ""}},
		"other scheme":     {https, "ftp://api.example.com/", nil, []string{"", "", ""}},

		"has a key":        {https, "https://api.example.com/", []string{"X-Api-Key: own"}, []string{"own", "", ""}},
		"has an empty key": {https, "https://api.example.com/", []string{"X-Api-Key: "}, []string{"", "", ""}},
		"has a bearer":     {https, "https://api.example.com/", []string{"Authorization: Bearer own"}, []string{"", "Bearer own", ""}},
		"has user info":    {https, "https://u:p@api.example.com/", nil, []string{"", "", ""}},
		"bearer, has key":  {bearer, "https://api.example.com/", []string{"X-Api-Key: own"}, []string{"own", "", ""}},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			r := request(t, "GET", c.url, nil)
			r.Header = header(c.header...)
			resp, err := newTransport(t, s, c.cfg).RoundTrip(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			got := s.seen[0]
			assert.Equal(t, c.want, []string{got.Get("X-Api-Key"), got.Get("Authorization"), got.Get("X-Token")})
			assert.Equal(t, header(c.header...), r.Header, "the request is changed")
			assert.Same(t, r, resp.Request)
		})
	}
}

// site answers a path of a host with a redirect, and notes the keys that hosts get.
type site struct {
	redirects map[string]string // from "scheme://host/path" to a URL
	status    int

	mu   sync.Mutex
	keys map[string]string
}

func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := r.URL.Scheme + "://" + r.URL.Host + r.URL.Path
	s.keys[from] = r.Header.Get("X-Api-Key") + r.Header.Get("Authorization")
	w := httptest.NewRecorder()
	if to := s.redirects[from]; to != "" {
		http.Redirect(w, r, to, s.status)
	}
	return w.Result(), nil
}

// TestRedirect follows redirects by an http.Client. Another host never gets the key, and
// after another host even the own one does not.
func TestRedirect(t *testing.T) {
	const own, other = "https://api.example.com", "https://evil.org"
	tests := map[string]struct {
		redirects map[string]string
		with      []string // URLs that get the key
		without   []string
	}{
		"same host":      {map[string]string{own + "/": "/a", own + "/a": own + "/b"}, []string{own + "/", own + "/a", own + "/b"}, nil},
		"other host":     {map[string]string{own + "/": other + "/"}, []string{own + "/"}, []string{other + "/"}},
		"sub-domain":     {map[string]string{own + "/": "https://www.api.example.com/"}, []string{own + "/"}, []string{"https://www.api.example.com/"}},
		"other port":     {map[string]string{own + "/": own + ":8443/"}, []string{own + "/"}, []string{own + ":8443/"}},
		"downgrade":      {map[string]string{own + "/": "http://api.example.com/"}, []string{own + "/"}, []string{"http://api.example.com/"}},
		"there and back": {map[string]string{own + "/": other + "/", other + "/": own + "/transfer"}, []string{own + "/"}, []string{other + "/", own + "/transfer"}},
		"down and up":    {map[string]string{own + "/": "http://api.example.com/", "http://api.example.com/": own + "/a"}, []string{own + "/"}, []string{"http://api.example.com/", own + "/a"}},
		"from elsewhere": {map[string]string{own + "/": own + "/a", own + "/a": other + "/", other + "/": other + "/b"}, []string{own + "/", own + "/a"}, []string{other + "/", other + "/b"}},
	}
	for name, c := range tests {
		for _, status := range []int{302, 307} {
			for _, bearer := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					s := &site{redirects: c.redirects, status: status, keys: map[string]string{}}
					hc := &http.Client{Transport: newTransport(t, s, client.Config{Key: key, Host: "api.example.com", Bearer: bearer})}
					resp, err := hc.Do(request(t, "GET", own+"/", nil))
					require.NoError(t, err)
					require.NoError(t, resp.Body.Close())
					assert.Len(t, s.keys, len(c.with)+len(c.without))
					for _, u := range c.with {
						assert.Contains(t, s.keys[u], string(key), u)
					}
					for _, u := range c.without {
						assert.Empty(t, s.keys[u], u)
					}
				})
			}
		}
	}
}

// TestNothingShowsTheKey prints every exported struct and the errors.
func TestNothingShowsTheKey(t *testing.T) {
	cfg := client.Config{Key: key, Host: "api.example.com"}
	values := map[string]any{
		"Config": cfg, "Config with a pointer": &cfg, "Transport": newTransport(t, nil, cfg), "Key": key,
		"WaitError": &client.WaitError{Host: "api.example.com"},
	}
	leak.Complete(t, values)
	leak.Check(t, string(key), values)
	cfg.Key += "\n"
	_, err := client.New(nil, cfg)
	require.Error(t, err)
	leak.Check(t, string(key), map[string]any{"error": err})
}

// TestConfig reports all faults at once.
func TestConfig(t *testing.T) {
	var missing *http.Transport
	_, err := client.New(missing, client.Config{Key: "a b", Header: "X Y", MaxWait: -1, MaxAttempts: -1, Spread: -1})
	require.ErrorIs(t, err, client.ErrInvalid)
	require.EqualError(t, err, `client: invalid config: base: nil *http.Transport: want an http.RoundTripper
maxWait: -1ns: want 0 or more
spread: -1ns: want 0 or more
key: byte 1: want visible ASCII characters
header: "X Y": want letters, digits, - and _
host: empty: want the host that is sent the key
maxAttempts: -1: want 0 or more`)
	for _, cfg := range []client.Config{
		{Host: "https://api.example.com"}, {Host: "api.example.com/"}, {Host: "a:b"}, {Host: "a:1:2"}, {Host: "[::1"}, {Host: ":80"}, {Host: "u@h"},
		{Header: "Host"}, {Header: "Content-Length"}, {Header: "X-Token", Bearer: true},
	} {
		_, err := client.New(nil, cfg)
		assert.ErrorIs(t, err, client.ErrInvalid, "%+v", cfg)
	}
	for _, host := range []string{"h", "h:1", "[::1]", "[::1]:80", "127.0.0.1"} {
		_, err := client.New(nil, client.Config{Host: host})
		assert.NoError(t, err, host)
	}
}

// TestNoURL returns an error for a request without a URL, and closes its body.
func TestNoURL(t *testing.T) {
	body := &closer{}
	_, err := newTransport(t, nil, client.Config{}).RoundTrip(&http.Request{Body: body})
	require.EqualError(t, err, "client: request: no URL")
	assert.True(t, body.closed)
}

// TestCloseIdle closes the idle connections of a base that has some.
func TestCloseIdle(t *testing.T) {
	idle := &idleBase{}
	(&http.Client{Transport: newTransport(t, idle, client.Config{})}).CloseIdleConnections()
	assert.True(t, idle.closed)
	newTransport(t, newScript(), client.Config{}).CloseIdleConnections()
}

type idleBase struct{ closed bool }

func (*idleBase) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("none") }
func (b *idleBase) CloseIdleConnections()                         { b.closed = true }
