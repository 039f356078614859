package sigv4_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/sigv4"
)

const (
	exampleKey    = "AKIDEXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)

func secrets(_ context.Context, id string) (string, bool, error) {
	return exampleSecret, id == exampleKey, nil
}

func newVerifier(t testing.TB, cfg sigv4.Config) *sigv4.Verifier {
	v, err := sigv4.New(secrets, cfg)
	require.NoError(t, err)
	return v
}

// at waits until then, in a bubble.
func at(then time.Time) { time.Sleep(time.Until(then)) }

var published = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)

// request returns a request as a server reads it from the wire.
func request(t testing.TB, text string) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n"))))
	require.NoError(t, err)
	return r
}

func vanilla(t testing.TB, change func(text string) string) *http.Request {
	return request(t, change(`GET / HTTP/1.1
Host: example.amazonaws.com
X-Amz-Date: 20150830T123600Z
Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31

`))
}

func same(text string) string { return text }

func replaced(old, new string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, new, 1) }
}

// TestPublished verifies the example that AWS has published, and altered copies of it.
func TestPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at(published)
		v := newVerifier(t, sigv4.Config{Service: "service", Region: "us-east-1"})
		id, err := v.Verify(vanilla(t, same))
		require.NoError(t, err)
		require.Equal(t, exampleKey, id)
		for _, test := range []struct {
			change func(string) string
			code   string
		}{
			{replaced("GET /", "POST /"), "InvalidSignatureException"},
			{replaced("GET / ", "GET /x "), "InvalidSignatureException"},
			{replaced("GET / ", "GET /?a=b "), "InvalidSignatureException"},
			{replaced("Host: example", "Host: fxample"), "InvalidSignatureException"},
			{replaced("Signature=5", "Signature=6"), "InvalidSignatureException"},
			{replaced("T123600Z", "T123601Z"), "InvalidSignatureException"},
			{replaced("X-Amz-Date: 20150830", "X-Amz-Date: 20150831"), "IncompleteSignatureException"},
			{replaced("Credential=AKIDEXAMPLE/20150830", "Credential=AKIDEXAMPLE/20150831"), "IncompleteSignatureException"},
			{replaced("AKIDEXAMPLE", "AKIDSTRANGER"), "UnrecognizedClientException"},
			{replaced("us-east-1", "us-west-1"), "InvalidSignatureException"},
			{replaced("/service/", "/other/"), "InvalidSignatureException"},
			{replaced("aws4_request", "aws5_request"), "IncompleteSignatureException"},
			{replaced("SignedHeaders=host;x-amz-date", "SignedHeaders=host"), "IncompleteSignatureException"},
			{replaced("SignedHeaders=host;x-amz-date", "SignedHeaders=x-amz-date"), "IncompleteSignatureException"},
			{replaced("SignedHeaders=host;x-amz-date", "SignedHeaders=x-amz-date;host"), "IncompleteSignatureException"},
			{replaced("SignedHeaders=host;x-amz-date", "SignedHeaders=host;host;x-amz-date"), "IncompleteSignatureException"},
			{replaced("SignedHeaders=host;x-amz-date", "SignedHeaders=Host;x-amz-date"), "IncompleteSignatureException"},
			{replaced("SignedHeaders=host;x-amz-date", "SignedHeaders=host;nothing;x-amz-date"), "IncompleteSignatureException"},
			{replaced("SignedHeaders=host;x-amz-date, ", ""), "IncompleteSignatureException"},
			{replaced("Signature=5fa0", "Signature=5fa"), "IncompleteSignatureException"},
			{replaced("Signature=5fa0", "Signature=zzzz"), "IncompleteSignatureException"},
			{replaced(", Signature", ", Signature=1, Signature"), "IncompleteSignatureException"},
			{replaced("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"), "IncompleteSignatureException"},
			{replaced("AWS4-HMAC-SHA256", "Bearer"), "IncompleteSignatureException"},
			{replaced("X-Amz-Date: 20150830T123600Z\n", ""), "IncompleteSignatureException"},
			{replaced("X-Amz-Date: 20150830T123600Z", "X-Amz-Date: yesterday"), "IncompleteSignatureException"},
			{replaced("Authorization", "X-Authorization"), "MissingAuthenticationTokenException"},
			{replaced("Host", "X-Amz-Security-Token: unsigned\nHost"), "IncompleteSignatureException"},
			{replaced("Host", "Authorization: AWS4-HMAC-SHA256 a=b\nHost"), "IncompleteSignatureException"},
			{replaced("Credential=", "Credential="+strings.Repeat("x", 5000)), "IncompleteSignatureException"},
		} {
			_, err := v.Verify(vanilla(t, test.change))
			refused, ok := errors.AsType[*sigv4.Error](err)
			require.True(t, ok, "%v: %s", err, test.change("..."))
			assert.Equal(t, test.code, refused.Code, "%v", err)
			assert.NotContains(t, err.Error(), exampleSecret)
			assert.NotContains(t, err.Error(), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
		}
	})
}

// TestSkew checks MaxSkew to the second, in both directions.
func TestSkew(t *testing.T) {
	for _, test := range []struct {
		after time.Duration
		want  string // the error, or empty if the signature is valid
	}{
		{-5*time.Minute - time.Second, "not yet current"}, {-5 * time.Minute, ""}, {0, ""},
		{5 * time.Minute, ""}, {5*time.Minute + time.Second, "expired"}, {24 * time.Hour, "expired"},
	} {
		synctest.Test(t, func(t *testing.T) {
			at(published.Add(test.after))
			_, err := newVerifier(t, sigv4.Config{Service: "service"}).Verify(vanilla(t, same))
			if test.want == "" {
				require.NoError(t, err, "%v", test.after)
			} else {
				require.ErrorContains(t, err, test.want, "%v", test.after)
			}
		})
	}
}

// TestSecretsFail checks that an error of Secrets is returned, and is not a refusal.
func TestSecretsFail(t *testing.T) {
	broken := errors.New("broken")
	v, err := sigv4.New(func(context.Context, string) (string, bool, error) { return "", false, broken }, sigv4.Config{Service: "service", MaxSkew: 1 << 62})
	require.NoError(t, err)
	_, err = v.Verify(vanilla(t, same))
	require.ErrorIs(t, err, broken)
	_, err = sigv4.New(nil, sigv4.Config{})
	require.Error(t, err)
	_, err = sigv4.New(secrets, sigv4.Config{MaxSkew: -1})
	require.Error(t, err)
}

// FuzzRequest searches for a request that is accepted without a valid signature.
func FuzzRequest(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n")
	f.Add("PUT /tags/arn%3Aaws%2f?b=%zz&a=+&a HTTP/1.1\r\nHost: a\r\nX-Amz-Date: 20150830T123600Z\r\n\r\nbody")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(text))))
		if err != nil {
			return
		}
		v, err := sigv4.New(secrets, sigv4.Config{MaxSkew: 1 << 62, MaxBody: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if id, err := v.Verify(r); err == nil {
			t.Fatalf("%q was let in", id)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	v, err := sigv4.New(secrets, sigv4.Config{Service: "service", MaxSkew: 1 << 62})
	require.NoError(b, err)
	r := vanilla(b, same)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(r); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleVerifier_Verify() {
	v, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) { return "test", id == "test", nil }, sigv4.Config{})
	if err != nil {
		panic(err)
	}
	_, err = v.Verify(httptest.NewRequest("GET", "/apikeys", nil))
	fmt.Println(err)
	// Output: sigv4: MissingAuthenticationTokenException: Missing Authentication Token
}
