package sdktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	signer "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/sigv4"
)

var (
	paths = []string{
		"/", "/apikeys", "/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapikeys%2Fid", "/a%20b/~x", "/%C3%A9/_-.", "/a+b/c*d", "/a:b@c!d$e&f'(g),h;i=j",
	}
	queries = []string{"", "?limit=10", "?b=2&a=1&a=0", "?name=a%20b&x=", "?x", "?tagKeys=a%2Fb&tagKeys=%C3%A9", "?z=~&y=%7E&x=a*b"}
)

// TestSigner compares the Verifier with the SDK's signer, over random requests through a
// real server. A signed request is accepted. If it is altered afterwards, it is refused.
func TestSigner(t *testing.T) {
	v, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) { return "secret", id == "admin", nil }, sigv4.Config{})
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := v.Verify(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	}))
	defer server.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	send := func(r *http.Request) (int, string) {
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	for i := range 300 {
		method := []string{"GET", "POST", "PATCH", "PUT", "DELETE"}[rnd.IntN(5)]
		path, query := paths[rnd.IntN(len(paths))], queries[rnd.IntN(len(queries))]
		body := bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, []int{0, 1, 100, 100_000}[rnd.IntN(4)])
		signed := func() *http.Request {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path+query, bytes.NewReader(body))
			require.NoError(t, err)
			r.Header.Set("Accept", "application/json")
			if len(body) > 0 {
				r.Header.Set("Content-Type", "application/json")
			}
			if rnd.IntN(3) == 0 {
				r.Header.Set("X-Amz-Meta", "  two   words ")
			}
			sum := sha256.Sum256(body)
			creds := aws.Credentials{AccessKeyID: "admin", SecretAccessKey: "secret"}
			if i%2 == 0 {
				creds.SessionToken = "token"
			}
			require.NoError(t, signer.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "apigateway", "eu-west-1", time.Now()))
			return r
		}
		status, text := send(signed())
		require.Equal(t, 200, status, "%s %s%s: %s", method, path, query, text)
		for what, alter := range map[string]func(r *http.Request){
			"method": func(r *http.Request) { r.Method = "OPTIONS" },
			"path":   func(r *http.Request) { r.URL = parsed(t, server.URL+path+"x"+query) },
			"query":  func(r *http.Request) { r.URL.RawQuery += "&more=1" },
			"host":   func(r *http.Request) { r.Host = "other" },
			"date": func(r *http.Request) {
				r.Header.Set("X-Amz-Date", time.Now().Add(time.Second*2).UTC().Format("20060102T150405Z"))
			},
			"body": func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(append(bytes.Clone(body), 'x'))), int64(len(body)+1)
				r.GetBody = nil
			},
			"key": func(r *http.Request) {
				r.Header.Set("Authorization", string(bytes.Replace([]byte(r.Header.Get("Authorization")), []byte("admin"), []byte("adnim"), 1)))
			},
		} {
			r := signed()
			alter(r)
			status, _ := send(r)
			require.NotEqual(t, 200, status, "%s of %s %s%s", what, method, path, query)
		}
	}
}

func parsed(t *testing.T, text string) *url.URL {
	u, err := url.Parse(text)
	require.NoError(t, err)
	return u
}
