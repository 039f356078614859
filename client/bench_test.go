package client_test

import (
	"net/http"
	"testing"

	"github.com/ration-go/ration/client"
)

// BenchmarkTransport measures what a Transport adds to a request that need not wait.
func BenchmarkTransport(b *testing.B) {
	for name, h := range map[string]http.Header{
		"no limits": {},
		"RateLimit": header(`RateLimit-Policy: "throttle";q=1000000;w=1, "day";q=1000000;w=86400`, `RateLimit: "throttle";r=1000000;t=1, "day";r=1000000;t=31200`),
	} {
		b.Run(name, func(b *testing.B) {
			base := roundTripper(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: h, Body: http.NoBody}, nil
			})
			tr := newTransport(b, base, client.Config{Key: key, Host: "api.example.com"})
			r := request(b, "GET", url, nil)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := tr.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				_ = resp.Body.Close()
			}
		})
	}
}
