package apigateway_test

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
)

// TestCurl manages plans and keys with curl, which does not sign its own Content-Type.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("RATION_REQUIRE_AWS") != "" {
			t.Fatalf("needs curl: %v", err)
		}
		t.Skipf("needs curl: %v", err)
	}
	verifier, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) { return "test", id == "test", nil }, sigv4.Config{})
	require.NoError(t, err)
	h := newHarness(t, func(cfg *parts) { cfg.Authenticate = apigateway.Signed(verifier) })
	server := httptest.NewServer(h.h)
	defer server.Close()
	curl := func(target string, args ...string) string {
		t.Helper()
		args = append([]string{"-sS", "--aws-sigv4", "aws:amz:us-east-1:apigateway", "--user", "test:test", server.URL + target}, args...)
		out, err := exec.CommandContext(t.Context(), "curl", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	require.Contains(t, curl("/usageplans", "-d", `{"name": "gold"}`), `"name":"gold"`)
	require.Contains(t, curl("/usageplans", "-d", `{"name": "json"}`, "-H", "Content-Type: application/json"), `"name":"json"`)
	require.Contains(t, curl("/usageplans"), `"name":"gold"`)
	require.Contains(t, curl("/usageplans", "--user", "test:wrong"), "does not match")
}

// TestBodies checks that a body is read in one way, whatever its Content-Type, since the
// Content-Type may be unsigned.
func TestBodies(t *testing.T) {
	h := newHarness(t)
	for _, kind := range []string{"", "application/json", "application/x-www-form-urlencoded", "text/csv", "multipart/form-data"} {
		for target, body := range map[string]string{
			"/usageplans": `{"name": "mode=import"}`, "/apikeys?mode=import&format=csv": "name,key\n",
		} {
			r := httptest.NewRequestWithContext(t.Context(), "POST", target, strings.NewReader(body))
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			h.h.ServeHTTP(w, r)
			require.Equal(t, 201, w.Code, "%s of %s: %s", target, kind, w.Body)
		}
	}
}

// TestMalformedQuery checks that a query is refused if a part of it would be dropped,
// with every Authenticator.
func TestMalformedQuery(t *testing.T) {
	h := newHarness(t)
	for _, query := range []string{"name=a;b", "name=%", "name=%zz", "includeValues=true;limit=1"} {
		a := h.ok(400, "GET /apikeys?"+query, "")
		require.Equal(t, "BadRequestException", a.header.Get("X-Amzn-Errortype"), query)
	}
	h.ok(200, "GET /apikeys?name=a%3Bb", "")
}
