package sigv4_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/sigv4"
)

// recorded are signed requests that an attacker has seen.
var recorded = []message{
	{method: "GET", target: "/apikeys?name=a%3Bb&limit=10", path: "/apikeys", query: "limit=10&name=a%3Bb"},
	{method: "GET", target: "/apikeys?name=50%25&includeValues=true", path: "/apikeys", query: "includeValues=true&name=50%25"},
	{method: "GET", target: "/apikeys?name=a%2Bb%20c", path: "/apikeys", query: "name=a%2Bb%20c"},
	{method: "DELETE", target: "/tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fapikeys%2Fid?tagKeys=b&tagKeys=a",
		path: "/tags/arn%253Aaws%253Aapigateway%253Ar%253A%253A%252Fapikeys%252Fid", query: "tagKeys=a&tagKeys=b"},
	{method: "POST", target: "/apikeys?mode=import&format=csv&failonwarnings=true", path: "/apikeys",
		query: "failonwarnings=true&format=csv&mode=import", body: "name,key\n"},
	{method: "GET", target: "/", path: "/", signed: []string{"accept: a b"}},
}

// read returns the request of a text, or nil if no server would serve it.
func read(text string) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		return nil
	}
	return r
}

// meaning returns everything that a handler reads from a verified request. It parses the
// query as handlers do.
func meaning(t testing.TB, r *http.Request) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	return fmt.Sprintf("%s %q %q %v %q %q", r.Method, path, r.URL.Path, r.URL.Query(), r.Host, body)
}

// vault verifies requests and knows the meanings of all signed ones.
type vault struct {
	*sigv4.Verifier
	meanings map[string]bool
	texts    []string
}

func newVault(t testing.TB) *vault {
	v := &vault{newVerifier(t, sigv4.Config{MaxSkew: 1 << 62, MaxBody: 1000}), map[string]bool{}, nil}
	for i, m := range recorded {
		m.withoutBodyDigest = i%2 == 0
		text := strings.ReplaceAll(m.text(t, published.Add(time.Duration(i))), "\n", "\r\n")
		if m.body != "" { // the line ends of a body are signed
			text = text[:strings.Index(text, "\r\n\r\n")+4] + m.body
		}
		r := read(text)
		_, err := v.Verify(r)
		require.NoError(t, err, text)
		v.meanings[meaning(t, r)] = true
		v.texts = append(v.texts, text)
	}
	return v
}

// check fails the test if a text is verified but has a meaning that was not signed.
func (v *vault) check(t testing.TB, text string) (verified bool) {
	r := read(text)
	if r == nil {
		return false
	}
	if _, err := v.Verify(r); err != nil {
		return false
	}
	if got := meaning(t, r); !v.meanings[got] {
		t.Errorf("%q is verified and means %s", text, got)
	}
	return true
}

// TestAltered alters requests at each byte, with all texts that parsers are known to read
// in two ways. A request that is still verified must mean what was signed.
func TestAltered(t *testing.T) {
	v := newVault(t)
	parts := []string{"", ";", "%", "%2", "%25", "%3B", "%3b", "+", " ", "%20", "%2B", "&", "=", "?", "#", "/", "%2F", "%2f", "/./", "/../",
		"\\", "//", "\x00", "%00", ",", "\t", "\"", "a", "A", "0", "\r\n", "\r\n ", "\u00e9", "x=1&", "&name=", "&mode=import", "http://api.example"}
	verified := 0
	for _, text := range v.texts {
		for at := range len(text) {
			for _, part := range parts {
				for _, cut := range []int{0, 1, 3} { // number of bytes that it replaces
					if end := at + cut; end <= len(text) && v.check(t, text[:at]+part+text[end:]) {
						verified++
					}
				}
			}
		}
	}
	require.Positive(t, verified, "other spellings of the same request are verified")
}

// TestSpellings lists which spellings of a signed request are verified.
func TestSpellings(t *testing.T) {
	v := newVault(t)
	for _, test := range []struct {
		old, new string
		verified bool
	}{
		{"name=a%3Bb", "name=a;b", false},
		{"name=a%3Bb", "name=a%3bb", true},
		{"name=50%25", "name=50%", false},
		{"name=50%25", "name=50%2525", false},
		{"name=a%2Bb%20c", "name=a%2Bb+c", true},
		{"name=a%2Bb%20c", "name=a+b%20c", false},
		{"?name=a%3Bb&limit=10", "?limit=10&&name=a%3Bb&", true},
		{"limit=10", "limit=10&X-Amz-Signature=00", false},
		{"tagKeys=b&tagKeys=a", "tagKeys=a&tagKeys=b", true},
		{"%2Fapikeys%2Fid", "/apikeys/id", false},
		{"%2Fapikeys%2Fid", "%2fapikeys%2fid", false},
		{"%2Fapikeys%2Fid", "%2Fapikeys%2F%69d", false},
		{"GET /apikeys", "GET /./apikeys", false},
		{"GET /apikeys", "GET //apikeys", false},
		{"GET /apikeys", "GET /x/../apikeys", false},
		{"GET /apikeys", "GET http://api.example/apikeys", true},
		{"GET /apikeys", "GET http://other.example/apikeys", false},
		{"GET / ", "GET http:apikeys ", false},
		{"accept: a b", "accept: a  b", true},
		{"accept: a b", "accept: a\r\naccept: b", false},
		{"host: api.example", "host: api.example\r\nhost: api.example", false},
	} {
		found := false
		for _, text := range v.texts {
			if strings.Contains(text, test.old) {
				found = true
				require.Equal(t, test.verified, v.check(t, strings.Replace(text, test.old, test.new, 1)), "%s for %s", test.new, test.old)
			}
		}
		require.True(t, found, test.old)
	}
}

// TestOrder checks that a handler gets repeated parameters in one order. A signature does
// not cover the order in which they were sent.
func TestOrder(t *testing.T) {
	v := newVault(t)
	for _, order := range []string{"tagKeys=b&tagKeys=a", "tagKeys=a&tagKeys=b"} {
		r := read(strings.Replace(v.texts[3], "tagKeys=b&tagKeys=a", order, 1))
		_, err := v.Verify(r)
		require.NoError(t, err)
		require.Equal(t, "a", r.URL.Query().Get("tagKeys"), order)
	}
}

// TestQueryOnly checks that a signature in the query is refused, alone and together with
// one in the Authorization field.
func TestQueryOnly(t *testing.T) {
	v := newVerifier(t, sigv4.Config{})
	_, err := v.Verify(request(t, "GET /apikeys?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00 HTTP/1.1\nHost: a\n\n"))
	require.ErrorContains(t, err, "MissingAuthenticationTokenException")
	m := message{method: "GET", target: "/?X-Amz-Signature=00", path: "/", query: "X-Amz-Signature=00"}
	_, err = v.Verify(request(t, m.text(t, time.Now())))
	require.ErrorContains(t, err, "IncompleteSignatureException")
}

// FuzzAltered searches for a request that is verified but has a meaning that was not
// signed.
func FuzzAltered(f *testing.F) {
	v := newVault(f)
	for _, text := range v.texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { v.check(t, text) })
}
