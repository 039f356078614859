package apigateway_test

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/internal/pipeserver"
)

// signed makes the control plane accept only requests that "admin" has signed.
func signed(t *testing.T) func(*parts) {
	verifier, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) { return "secret", id == "admin", nil }, sigv4.Config{})
	require.NoError(t, err)
	return func(cfg *parts) { cfg.Authenticate = apigateway.Signed(verifier) }
}

// TestRefusalWaitsForNoBody checks that an unauthenticated client is answered even if the
// body that it announced never arrives.
func TestRefusalWaitsForNoBody(t *testing.T) {
	srv := httptest.NewServer(newHarness(t, signed(t)).h)
	t.Cleanup(srv.Close)
	for what, header := range map[string]string{
		"length":  "Content-Length: 10\r\n\r\n",
		"chunked": "Transfer-Encoding: chunked\r\n\r\n",
		"expect":  "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
		_, err = io.WriteString(conn, "POST /apikeys HTTP/1.1\r\nHost: x\r\n"+header)
		require.NoError(t, err)
		answers := bufio.NewReader(conn)
		res, err := http.ReadResponse(answers, nil)
		require.NoError(t, err, what)
		require.Equal(t, 403, res.StatusCode, what)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		_, err = answers.ReadByte()
		require.ErrorIs(t, err, io.EOF, what)
	}
}

// TestBodyTime checks that the wait for the body of a request ends if its sender only
// claims to be an administrator.
func TestBodyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, stop := pipeserver.Serve(t, &http.Server{Handler: newHarness(t, signed(t)).h, ErrorLog: log.New(io.Discard, "", 0)})
		began := time.Now()
		_, err := io.WriteString(client, "POST /apikeys HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nX-Amz-Date: "+began.UTC().Format("20060102T150405Z")+
			"\r\nAuthorization: AWS4-HMAC-SHA256 Credential=admin/"+began.UTC().Format("20060102")+"/us-east-1/apigateway/aws4_request, "+
			"SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64)+"\r\n\r\n")
		require.NoError(t, err)
		answers := bufio.NewReader(client)
		res, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.GreaterOrEqual(t, res.StatusCode, 400)
		require.WithinDuration(t, began.Add(time.Minute), time.Now(), time.Second)
		_, err = io.Copy(io.Discard, answers)
		require.NoError(t, err, "closes")
		stop()
	})
}

// TestNotCached checks that answers replace the caching fields of outer handlers.
func TestNotCached(t *testing.T) {
	h := newHarness(t, signed(t))
	w := httptest.NewRecorder()
	w.Header().Set("CDN-Cache-Control", "max-age=60")
	w.Header().Set("Expires", "Fri, 01 Jan 2100 00:00:00 GMT")
	h.h.ServeHTTP(w, httptest.NewRequest("GET", "/apikeys", nil))
	require.Equal(t, 403, w.Code)
	require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	require.Empty(t, w.Header().Get("CDN-Cache-Control")+w.Header().Get("Expires"))
}
