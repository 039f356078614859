package sigv4_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// message is a request as a client signs it. The test states the canonical path and
// query itself, so that nothing here depends on how the Verifier derives them.
type message struct {
	method, target    string
	path, query       string // in their canonical form
	signed, unsigned  []string
	body              string
	withoutBodyDigest bool // the client sends no X-Amz-Content-Sha256, as most do
}

// text returns the signed request as it is on the wire. Fields are "name: value" in lower
// case; the signed ones get the host and the date.
func (m message) text(t testing.TB, at time.Time) string {
	t.Helper()
	date := at.UTC().Format("20060102T150405Z")
	digest := sum(m.body)
	signed := append(slices.Clone(m.signed), "host: api.example", "x-amz-date: "+date)
	if !m.withoutBodyDigest {
		signed = append(signed, "x-amz-content-sha256: "+digest)
	}
	slices.Sort(signed)
	var names []string
	canonical := m.method + "\n" + m.path + "\n" + m.query + "\n"
	for _, field := range signed {
		name, value, _ := strings.Cut(field, ": ")
		names = append(names, name)
		canonical += name + ":" + value + "\n"
	}
	list := strings.Join(names, ";")
	canonical += "\n" + list + "\n" + digest
	scope := date[:8] + "/us-east-1/apigateway/aws4_request"
	key := []byte("AWS4" + exampleSecret)
	for _, part := range append(strings.Split(scope, "/"), "AWS4-HMAC-SHA256\n"+date+"\n"+scope+"\n"+sum(canonical)) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	text := m.method + " " + m.target + " HTTP/1.1\n" + strings.Join(append(signed, m.unsigned...), "\n")
	text += fmt.Sprintf("\nauthorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x\n", exampleKey, scope, list, key)
	if m.body != "" {
		text += fmt.Sprintf("content-length: %d\n", len(m.body))
	}
	return text + "\n" + m.body
}

func sum(s string) string {
	digest := sha256.Sum256([]byte(s))
	return hex.EncodeToString(digest[:])
}
