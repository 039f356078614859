package leak_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/apikey/leak"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store/memory"
)

// scanner is a secret scanner that publishes its public keys.
type scanner struct {
	mu      sync.Mutex
	keys    map[string]*ecdsa.PrivateKey
	status  int // of the answer; 0 for 200
	fetched int
	etags   bool // answer 304 if nothing has changed
}

func newScanner(ids ...string) *scanner {
	s := &scanner{keys: map[string]*ecdsa.PrivateKey{}}
	for _, id := range ids {
		s.keys[id] = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	return s
}

// RoundTrip answers a request for the public keys.
func (s *scanner) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched++
	w := httptest.NewRecorder()
	if s.status != 0 {
		w.WriteHeader(s.status)
		return w.Result(), nil
	}
	type publicKey struct {
		ID      string `json:"key_identifier"`
		Key     string `json:"key"`
		Current bool   `json:"is_current"`
	}
	var list struct {
		Keys []publicKey `json:"public_keys"`
	}
	etag := `"`
	for id, key := range s.keys {
		der := must(x509.MarshalPKIXPublicKey(&key.PublicKey))
		list.Keys = append(list.Keys, publicKey{id, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), false})
		etag += id
	}
	etag += `"`
	if s.etags && r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return w.Result(), nil
	}
	w.Header().Set("Etag", etag)
	_ = json.NewEncoder(w).Encode(list)
	return w.Result(), nil
}

// sign returns a report with a signature.
func (s *scanner) sign(id, body string) *http.Request {
	sum := sha256.Sum256([]byte(body))
	return report(id, must(ecdsa.SignASN1(rand.Reader, s.keys[id], sum[:])), body)
}

func report(id string, signature []byte, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/secret-scanning", strings.NewReader(body))
	r.Header.Set("Github-Public-Key-Identifier", id)
	r.Header.Set("Github-Public-Key-Signature", base64.StdEncoding.EncodeToString(signature))
	return r
}

type found struct {
	Token  string `json:"token"`
	Type   string `json:"type"`
	URL    string `json:"url"`
	Source string `json:"source"`
}

// in returns the body of a report of secrets in a place.
func in(url string, tokens ...string) string {
	list := []found{}
	for _, token := range tokens {
		list = append(list, found{token, "acme_api_key", url, "commit"})
	}
	return string(must(json.Marshal(list)))
}

// counted is a Store that counts look-ups, and fails if it is told to.
type counted struct {
	*memory.Store
	lookups atomic.Int64
	fails   atomic.Bool
}

func (c *counted) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	c.lookups.Add(1)
	if c.fails.Load() {
		return apikey.Key{}, errors.New("the store is down")
	}
	return c.Store.KeyByDigest(ctx, d)
}

// fixture is a service that receives reports.
type fixture struct {
	t       testing.TB
	scanner *scanner
	store   *counted
	keys    *apikey.Service
	log     *bytes.Buffer
	history *history.Memory
	*leak.Handler

	mu    sync.Mutex
	leaks []leak.Leak
	err   error // of OnLeak
}

var acme = apikey.Format{Prefix: "acme_live"}

func newFixture(t testing.TB, change func(*leak.Config)) *fixture {
	f := &fixture{t: t, scanner: newScanner("k1"), store: &counted{Store: memory.New(memory.Config{})}, log: new(bytes.Buffer)}
	f.history = history.NewMemory(history.Bounds{})
	f.keys = must(apikey.NewService(f.store, apikey.Config{KeyFormat: acme, History: must(history.New(f.history, history.Config{}))}))
	cfg := leak.Config{
		Client: &http.Client{Transport: f.scanner},
		OnLeak: func(_ context.Context, l leak.Leak) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.leaks = append(f.leaks, l)
			return f.err
		},
		Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	f.Handler = must(leak.New(f.keys, cfg))
	return f
}

func (f *fixture) key(k apikey.Key) (apikey.Key, string) {
	k.Enabled = true
	made, secret, err := f.keys.Create(f.t.Context(), k)
	require.NoError(f.t, err)
	return made, string(secret)
}

// good reports whether a secret is good now.
func (f *fixture) good(secret string) bool {
	_, err := f.keys.Verify(f.t.Context(), apikey.Secret(secret))
	return err == nil
}

// send returns the status and the labels that a request is answered with.
func (f *fixture) send(r *http.Request) (status int, labels []string) {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	require.Equal(f.t, "no-store", w.Header().Get("Cache-Control"))
	var list []struct {
		Hash  string `json:"token_hash"`
		Type  string `json:"token_type"`
		Label string `json:"label"`
	}
	if w.Code == http.StatusOK {
		dec := json.NewDecoder(w.Body)
		dec.DisallowUnknownFields()
		require.NoError(f.t, dec.Decode(&list))
	}
	for _, l := range list {
		labels = append(labels, l.Hash[:4]+" "+l.Label)
	}
	return w.Code, labels
}

// reports sends a signed report of secrets in a place, and returns how it is answered.
func (f *fixture) reports(url string, tokens ...string) (status int, labels []string) {
	f.t.Helper()
	return f.send(f.scanner.sign("k1", in(url, tokens...)))
}

// labelOf returns the label of a secret.
func labelOf(secret, label string) string {
	d := apikey.DigestOf(secret)
	return d.String()[:4] + " " + label
}

// bodyOf returns an answer's status, header and body as a text.
func bodyOf(h http.Handler, r *http.Request) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var text bytes.Buffer
	require.NoError(panics{}, w.Result().Header.Write(&text))
	return http.StatusText(w.Code) + "\n" + text.String() + "\n" + string(must(io.ReadAll(w.Body)))
}

type panics struct{}

func (panics) Errorf(string, ...any) {}
func (panics) FailNow()              { panic("failed") }

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func withClient(c *http.Client) func(*leak.Config) { return func(cfg *leak.Config) { cfg.Client = c } }
