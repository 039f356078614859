package awstest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Post creates a resource with a request that is signed as the aws command signs, and
// returns the answer. It is much faster than a process, so it is for what a test needs to
// exist, and the aws command for what the test is about. The path needs no escapes.
func Post(t testing.TB, endpoint, path string, resource any) map[string]any {
	t.Helper()
	answer, err := post(t.Context(), endpoint+path, resource)
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return answer
}

func post(ctx context.Context, url string, resource any) (answer map[string]any, err error) {
	body, err := json.Marshal(resource)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	sign(r, body, time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()

	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("%s: %s", resp.Status, text)
	}
	err = json.Unmarshal(text, &answer)
	return answer, err
}

// sign signs a request without a query by AWS Signature Version 4, with the credentials
// of Environ.
func sign(r *http.Request, body []byte, now time.Time) {
	const fields = "host;x-amz-date"
	date := now.UTC().Format("20060102T150405Z")
	canonical := strings.Join([]string{
		r.Method, r.URL.Path, "", "host:" + r.Host, "x-amz-date:" + date, "", fields, digest(body),
	}, "\n")
	scope := date[:8] + "/us-east-1/apigateway/aws4_request"
	text := strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, digest([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range append(strings.Split(scope, "/"), text) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("X-Amz-Date", date)
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x", accessKeyID, scope, fields, key))
}

func digest(text []byte) string { return fmt.Sprintf("%x", sha256.Sum256(text)) }
