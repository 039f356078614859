package leak_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPublicKeys sends reports over some days, while the scanner changes its keys and its
// list cannot always be read.
func TestPublicKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		f.scanner.etags = true
		next := newScanner("k1", "k2", "k3")
		step := func(id string, status, fetched int, what string) {
			t.Helper()
			require.Equal(t, status, first(f.send(next.sign(id, "[]"))), what)
			require.Equal(t, fetched, f.scanner.fetched, what)
		}
		publish := func(ids ...string) {
			clear(f.scanner.keys)
			for _, id := range ids {
				f.scanner.keys[id] = next.keys[id]
			}
		}

		f.scanner.status = 500
		step("k1", 503, 1, "the first fetch fails")
		step("k1", 503, 1, "it is not repeated at once")
		f.scanner.status = 0
		publish("k1")
		time.Sleep(30 * time.Second)
		step("k1", 200, 2, "but soon")
		step("k1", 200, 2, "the keys are kept")

		publish("k1", "k2")
		step("k2", 403, 2, "a new key, just after a fetch")
		time.Sleep(5 * time.Minute)
		step("k2", 200, 3, "and later")
		for range 100 {
			require.Equal(t, 403, first(f.send(next.sign("k3", "[]"))))
		}
		require.Equal(t, 3, f.scanner.fetched, "unknown IDs cause no fetches")
		time.Sleep(5 * time.Minute)
		for range 100 {
			require.Equal(t, 403, first(f.send(next.sign("k3", "[]"))))
		}
		require.Equal(t, 4, f.scanner.fetched, "or one in five minutes, which finds no change")
		step("k2", 200, 4, "known keys go on")

		publish("k2")
		time.Sleep(24 * time.Hour)
		step("k1", 403, 5, "a key that was withdrawn")
		f.scanner.status = 503
		time.Sleep(24 * time.Hour)
		step("k2", 200, 6, "the keys are old and cannot be fetched")
		step("k2", 200, 6, "that is not tried again at once")
		time.Sleep(5 * 24 * time.Hour)
		step("k2", 200, 7, "for up to a week")
		time.Sleep(24 * time.Hour)
		step("k2", 503, 8, "and no longer")
		f.scanner.status = 0
		time.Sleep(time.Minute)
		step("k2", 200, 9, "until they can be read again")
		require.Contains(t, f.log.String(), "cannot be verified")
		require.Contains(t, f.log.String(), "can be verified again")
	})
}

// slow is a scanner whose list takes a second.
type slow struct{ *scanner }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	return s.scanner.RoundTrip(r)
}

// TestPublicKeysTogether sends many reports before the public keys are known.
func TestPublicKeysTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		g := newFixture(t, withClient(&http.Client{Transport: slow{f.scanner}}))
		g.scanner = f.scanner
		var wg sync.WaitGroup
		for range 50 {
			r := f.scanner.sign("k1", "[]")
			wg.Go(func() { require.Equal(t, 200, first(g.send(r))) })
		}
		wg.Wait()
		require.Equal(t, 1, f.scanner.fetched)
	})
}
