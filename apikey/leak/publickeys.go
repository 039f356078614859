package leak

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// These bound how often the public keys are fetched, and how long they are used. GitHub
// allows 60 requests an hour without a token, to all programs behind an address.
const (
	keysAge      = 24 * time.Hour     // fetch them again after that
	keysStale    = 7 * 24 * time.Hour // and use them no longer than that if this fails
	keysInterval = 5 * time.Minute    // between fetches for unknown keys
	keysRetry    = 30 * time.Second   // after a fetch that failed
	keysTimeout  = 10 * time.Second

	maxKeys      = 100
	maxKeysBytes = 1 << 20
)

// errNoKeys means that no public key could be fetched.
var errNoKeys = errors.New("leak: the public keys of the scanner are not known")

// publicKeys fetches and keeps the public keys of a scanner. It has no goroutine of its
// own: a request that needs a key fetches, and the others wait for it.
type publicKeys struct {
	url    string
	client *http.Client

	mu      sync.Mutex
	keys    map[string]*ecdsa.PublicKey // by key_identifier
	etag    string
	fetched time.Time     // the last fetch that succeeded
	tried   time.Time     // the last fetch
	flight  chan struct{} // closed at the end of the fetch under way; nil if there is none
	err     error         // of the last fetch
}

// find returns the public key with an ID, or nil if the scanner has none. It fetches the
// keys if they are old, and for an unknown ID, unless they were fetched just before.
//
// Security: anybody can send unknown IDs. They cause one fetch in five minutes.
func (p *publicKeys) find(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	for {
		p.mu.Lock()
		now := time.Now()
		key := p.keys[id]
		age := now.Sub(p.fetched)
		switch {
		case key != nil && age < keysAge:
			p.mu.Unlock()
			return key, nil
		case p.flight == nil && p.mayFetch(now):
			p.flight, p.tried = make(chan struct{}), now
			etag := p.etag
			p.mu.Unlock()
			p.fetch(ctx, etag)
			continue
		case p.flight == nil:
			err := p.err
			p.mu.Unlock()
			if age >= keysStale { // also if there was no fetch
				return nil, errors.Join(errNoKeys, err)
			}
			return key, nil
		}
		flight := p.flight
		p.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *publicKeys) mayFetch(now time.Time) bool {
	wait := keysInterval
	if p.err != nil {
		wait = keysRetry
	}
	return p.tried.IsZero() || now.Sub(p.tried) >= wait
}

// fetch fetches the keys, and ends the flight. It goes on if the client that has caused
// it disconnects, since others wait for it.
func (p *publicKeys) fetch(ctx context.Context, etag string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keysTimeout)
	defer cancel()
	keys, etag, err := p.get(ctx, etag)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = err; err == nil {
		p.fetched = time.Now()
	}
	if keys != nil {
		p.keys, p.etag = keys, etag
	}
	close(p.flight)
	p.flight = nil
}

// get asks for the keys. It returns nil if they have not changed.
func (p *publicKeys) get(ctx context.Context, etag string) (map[string]*ecdsa.PublicKey, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "application/json")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("leak: public keys: %w", err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNotModified && etag != "":
		return nil, etag, nil
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("leak: public keys: status %d: want 200", res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeysBytes+1))
	if err == nil && len(body) > maxKeysBytes {
		err = fmt.Errorf("more than %d bytes", maxKeysBytes)
	}
	if err != nil {
		return nil, "", fmt.Errorf("leak: public keys: %w", err)
	}
	keys, err := parseKeys(body)
	return keys, res.Header.Get("Etag"), err
}

// parseKeys returns the keys for ECDSA with P-256 in a list. It skips others, because
// their signatures could not be verified.
func parseKeys(body []byte) (map[string]*ecdsa.PublicKey, error) {
	var list struct {
		PublicKeys []struct {
			ID  string `json:"key_identifier"`
			Key string `json:"key"`
		} `json:"public_keys"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("leak: public keys: %w", err)
	}
	if n := len(list.PublicKeys); n > maxKeys {
		return nil, fmt.Errorf("leak: public keys: %d of them: want at most %d", n, maxKeys)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range list.PublicKeys {
		if key := parseKey(k.Key); key != nil && k.ID != "" {
			keys[k.ID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("leak: public keys: want at least one for ECDSA with P-256")
	}
	return keys, nil
}

// parseKey returns the public key in PEM, or nil if it is none for P-256.
func parseKey(text string) *ecdsa.PublicKey {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil
	}
	if key, ok := key.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P256() {
		return key
	}
	return nil
}
