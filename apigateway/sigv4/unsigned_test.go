package sigv4_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/sigv4"
)

const write = `{"name": "gold"}`

// clients lists the fields that real clients send with a write, and which of them they
// sign.
var clients = map[string]message{
	"aws command line, SDK for Go": {signed: []string{"accept: application/json", "content-type: application/json"},
		unsigned: []string{"user-agent: aws-cli"}, withoutBodyDigest: true},
	"SDK for JavaScript 2": {signed: []string{"accept: application/json", "x-amz-user-agent: aws-sdk-js/2"},
		unsigned: []string{"content-type: application/json", "user-agent: node"}},
	"AsyncAws": {unsigned: []string{"accept: application/json", "content-type: application/json", "user-agent: AsyncAws"},
		withoutBodyDigest: true},
	"aws4fetch": {unsigned: []string{"content-type: application/json", "user-agent: undici", "range: bytes=0-"}, withoutBodyDigest: true},
	"curl":      {unsigned: []string{"content-type: application/x-www-form-urlencoded", "accept: */*", "user-agent: curl"}, withoutBodyDigest: true},
}

// TestClients verifies a write of each client. An unsigned Content-Type may be altered.
// The rest of the request may not.
func TestClients(t *testing.T) {
	for name, m := range clients {
		t.Run(name, func(t *testing.T) {
			m.method, m.target, m.path, m.body = "POST", "/usageplans", "/usageplans", write
			text := m.text(t, time.Now())
			v := newVerifier(t, sigv4.Config{})
			for _, test := range []struct {
				what, old, new, code string // an empty code means verified
			}{
				{what: "as it was signed"},
				{"method", "POST ", "PUT ", "InvalidSignatureException"},
				{"path", "/usageplans ", "/apikeys ", "InvalidSignatureException"},
				{"query", "/usageplans ", "/usageplans?mode=import ", "InvalidSignatureException"},
				{"host", "host: api.", "host: app.", "InvalidSignatureException"},
				{"host is not signed", "host;", "", "IncompleteSignatureException"},
				{"date is not signed", ";x-amz-date", "", "IncompleteSignatureException"},
				{"body", "gold", "free", "InvalidSignatureException"},
				{"another X-Amz field", "host: ", "x-amz-target: other\nhost: ", "IncompleteSignatureException"},
				{"a second date", "host: ", "x-amz-date: 20150830T123600Z\nhost: ", "IncompleteSignatureException"},
				{"a second digest", "host: ", "x-amz-content-sha256: " + sum(write) + "\nx-amz-content-sha256: " + sum("") + "\nhost: ", "IncompleteSignatureException"},
				{"a second authorization", "host: ", "authorization: Basic dGVzdDp0ZXN0\nhost: ", "IncompleteSignatureException"},
			} {
				r := request(t, strings.Replace(text, test.old, test.new, 1))
				_, err := v.Verify(r)
				if test.code == "" {
					require.NoError(t, err, test.what)
					body, err := io.ReadAll(r.Body)
					require.NoError(t, err)
					require.Equal(t, write, string(body))
				} else {
					require.ErrorContains(t, err, test.code, test.what)
				}
			}
		})
	}
}

// TestContentType checks that a signed Content-Type may not be altered.
func TestContentType(t *testing.T) {
	v := newVerifier(t, sigv4.Config{})
	for name, signed := range map[string]bool{"SDK for JavaScript 2": false, "aws command line, SDK for Go": true} {
		m := clients[name]
		m.method, m.target, m.path, m.body = "POST", "/usageplans", "/usageplans", write
		text := m.text(t, time.Now())
		for _, altered := range []string{"content-type: text/csv\n", "", "content-type: application/json\ncontent-type: text/csv\n"} {
			_, err := v.Verify(request(t, strings.Replace(text, "content-type: application/json\n", altered, 1)))
			require.Equal(t, signed, err != nil, "%s: %q: %v", name, altered, err)
		}
	}
}
