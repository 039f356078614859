package leak_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey/leak"
)

// githubKeys is what GitHub published at GitHubKeys in 2024.
const githubKeys = `{"public_keys":[
{"key_identifier":"90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a","key":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9MJJHnMfn2+H4xL4YaPDA4RpJqUq\nkCmRCBnYERxZanmcpzQSXs1X/AljlKkbJ8qpVIW4clayyef9gWhFbNHWAA==\n-----END PUBLIC KEY-----\n","is_current":false},
{"key_identifier":"bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c","key":"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\nAjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n-----END PUBLIC KEY-----\n","is_current":true}]}`

// vectors are requests in the documentation of GitHub's secret scanning partner program.
// The second is of an earlier text of that page.
var vectors = []struct{ id, signature, body string }{
	{
		"bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c",
		"MEQCIQDaMKqrGnE27S0kgMrEK0eYBmyG0LeZismAEz/BgZyt7AIfXt9fErtRS4XaeSt/AO1RtBY66YcAdjxji410VQV4xg==",
		`[{"source":"commit","token":"some_token","type":"some_type","url":"https://example.com/base-repo-url/"}]`,
	},
	{
		"90a421169f0a406205f1563a953312f0be898d3c7b6c06b681aa86a874555f4a",
		"MEUCIQDKZokqnCjrRtw0tni+2Ltvl/uiMJ1EGumEsp1BsNr32AIgQY1YXD2nlj+XNfGK4rBfkMJ1JDOQcYXxa2sY8FNkrKc=",
		`[{"token":"some_token","type":"some_type","url":"some_url"}]`,
	},
}

// TestGitHubVectors sends the requests that GitHub's documentation shows, with the keys
// that GitHub published, and then each with one bit changed.
func TestGitHubVectors(t *testing.T) {
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, githubKeys) }))
	defer published.Close()
	for _, v := range vectors {
		f := newFixture(t, func(cfg *leak.Config) { cfg.KeysURL, cfg.Client = published.URL, nil })
		signature := must(base64.StdEncoding.DecodeString(v.signature))
		status, labels := f.send(report(v.id, signature, v.body))
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, []string{labelOf("some_token", "false_positive")}, labels)

		flip := func(text []byte, bit int) string {
			changed := append([]byte(nil), text...)
			changed[bit/8] ^= 1 << (bit % 8)
			return string(changed)
		}
		for bit := range 8 * len(v.body) {
			status, _ := f.send(report(v.id, signature, flip([]byte(v.body), bit)))
			require.Equal(t, http.StatusForbidden, status, "bit %d of the body", bit)
		}
		for bit := range 8 * len(signature) {
			status, _ := f.send(report(v.id, []byte(flip(signature, bit)), v.body))
			require.Equal(t, http.StatusForbidden, status, "bit %d of the signature", bit)
		}
		for _, id := range []string{vectors[0].id, vectors[1].id, strings.ToUpper(v.id), "other"} {
			if id != v.id {
				status, _ := f.send(report(id, signature, v.body))
				require.Equal(t, http.StatusForbidden, status, "another key")
			}
		}
		status, _ = f.send(report(v.id, signature, v.body+"\n"))
		require.Equal(t, http.StatusForbidden, status, "a byte more")
	}
}
