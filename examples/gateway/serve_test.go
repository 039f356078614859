package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/awstest"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/pipeserver"
)

// TestDrain checks that a request in flight is answered and counted after the gateway is
// told to stop. New requests are not accepted.
func TestDrain(t *testing.T) {
	t.Parallel()
	entered, finish := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-finish
		_, _ = io.WriteString(w, "late")
	}))
	defer upstream.Close()
	path := filepath.Join(t.TempDir(), "ration.db")
	gw, _ := process(t, program(t), "-store", "sqlite:"+path, "-upstream", upstream.URL)
	planID, keyID, value := gw.plan(perDay(100))
	answer := make(chan string, 1)
	go func() {
		status, body := gw.get(value)
		answer <- http.StatusText(status) + " " + body
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- gw.stop() }()
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(gw.data, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond)
	status, body := ask(t, "GET", gw.control+"/readyz")
	require.Equal(t, "Service Unavailable draining\n", http.StatusText(status)+" "+body)
	close(finish)
	require.Equal(t, "OK late", <-answer)
	require.NoError(t, <-ended, "exits 0")

	gw = start(t, "-store", "sqlite:"+path)
	used, remaining := gw.usage(planID, keyID)
	require.Equal(t, []int{1, 99}, []int{used, remaining})
}

// TestReadTime checks that the control plane does not wait for a slow request, and that
// the data plane does.
func TestReadTime(t *testing.T) {
	for _, c := range []struct {
		plane string
		after time.Duration
		want  string
	}{
		{"control", readTime - time.Second, "whole"}, {"control", readTime + time.Second, "i/o timeout"}, {"data", time.Hour, "whole"},
	} {
		synctest.Test(t, func(t *testing.T) {
			read := make(chan string, 1)
			h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					body = []byte(err.Error())
				}
				read <- string(body)
			})
			s, control := (&gateway{data: h, control: h}).servers(slog.New(slog.DiscardHandler))
			if c.plane == "control" {
				s = control
			}
			client, stop := pipeserver.Serve(t, s)
			go func() { _, _ = io.Copy(io.Discard, client) }()
			_, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nwh")
			require.NoError(t, err)
			time.Sleep(c.after)
			_, _ = io.WriteString(client, "ole") // fails if the server has closed the connection
			require.Contains(t, <-read, c.want, "%s after %v", c.plane, c.after)
			stop()
		})
	}
}

// TestForged checks that large forged requests that stall can delay other large requests,
// but no small command.
func TestForged(t *testing.T) {
	t.Parallel()
	gw := start(t)
	now := time.Now().UTC()
	head := fmt.Sprintf("POST /apikeys?mode=import&format=csv HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nX-Amz-Date: %s\r\n"+
		"Authorization: AWS4-HMAC-SHA256 Credential=test/%s/r/apigateway/aws4_request, SignedHeaders=host;x-amz-date, Signature=%064d\r\n\r\n",
		now.Format("20060102T150405Z"), now.Format("20060102"), 0)
	answers := make(chan string, 10)
	for range cap(answers) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(gw.control, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		go func() { _, _ = io.WriteString(conn, head+strings.Repeat("x", 500_000)) }() // net/http reads some of what is refused
		go func() {
			line, _ := bufio.NewReader(conn).ReadString('\n')
			answers <- line
		}()
	}
	for range cap(answers) - 4 {
		require.Contains(t, <-answers, "429 Too Many Requests")
	}
	gw.plan(settings{})
	gw.aws("get-usage-plans")
	require.Empty(t, answers, "the others stall")
}

// TestServeFails checks that both planes stop if one listener fails, and that its error
// is returned. Panics are logged.
func TestServeFails(t *testing.T) {
	var text logs
	log := slog.New(slog.NewTextHandler(&text, nil))
	for _, bad := range []int{0, 1} {
		var listeners []net.Listener
		var planes []plane
		for range 2 {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			listeners = append(listeners, l)
			planes = append(planes, plane{"data", l, newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("so it goes") }), 0, log)})
		}
		ended := make(chan error, 1)
		go func() { ended <- serve(t.Context(), log, nil, planes...) }()
		_, err := http.Get("http://" + listeners[1-bad].Addr().String())
		require.Error(t, err)
		require.NoError(t, listeners[bad].Close())
		err = <-ended
		require.ErrorIs(t, err, net.ErrClosed)
		require.Equal(t, 1, strings.Count(err.Error(), "use of closed"))
		_, err = net.Dial("tcp", listeners[1-bad].Addr().String())
		require.Error(t, err)
	}
	require.Equal(t, 2, strings.Count(text.String(), "so it goes"))
	for line := range strings.Lines(text.String()) {
		require.Contains(t, line, "level=ERROR")
	}
}

// TestLogsHoldNoSecrets checks that no secret is logged, through all kinds of failures.
func TestLogsHoldNoSecrets(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	const chosen, imported, presented, admin = "a-value-that-was-chosen", "a-value-that-was-imported", "a-value-that-nobody-knows", "of-the-administrator"
	sealed := "0123456789abcdef0123456789abcdef"
	outer := t.TempDir()
	dir, seal, rows := filepath.Join(outer, "dir"), filepath.Join(outer, "seal"), filepath.Join(outer, "rows")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.WriteFile(seal, []byte(sealed), 0o600))
	require.NoError(t, os.WriteFile(rows, []byte("name,key,usageplanids\na,"+imported+",nowhere\nb,"+imported+"\n"), 0o600))

	gw := start(t, "-store", "sqlite:"+filepath.Join(dir, "ration.db"), "-seal", seal, "-upstream", "http://127.0.0.1:1")
	_, _, value := gw.plan(settings{})
	gw.aws("create-api-key --name chosen --value " + chosen)
	gw.aws("import-api-keys --format csv --body", "fileb://"+rows)
	gw.get(value)
	gw.get(presented)
	require.NoError(t, gw.stop())
	text := gw.logs.String()
	assert.Contains(t, text, "proxy error")

	gw = start(t, "-credentials", "test:"+admin, "-store", "redis://user:"+admin+"@127.0.0.1:1")
	_, err := awstest.Run(t, gw.control, "create-api-key", "--name", "k", "--value", chosen)
	require.ErrorContains(t, err, "InvalidSignatureException")
	status, _ := gw.get(presented)
	require.Equal(t, http.StatusServiceUnavailable, status)
	for _, path := range []string{"/readyz", "/metrics"} {
		_, body := ask(t, "GET", gw.control+path)
		text += body
	}
	require.NoError(t, gw.stop())
	assert.Contains(t, gw.logs.String(), "gateway: not ready")
	text += gw.logs.String()
	for _, secret := range []string{value, chosen, imported, presented, admin, sealed, "Signature="} {
		assert.NotContains(t, text, secret)
	}
	t.Log(text)
}

// TestEndsAtOnce checks that a gateway that is told to stop before it serves stops
// cleanly.
func TestEndsAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, run(ctx, onFreePorts([]string{"-store", "redis://127.0.0.1:1"}), io.Discard, io.Discard))
}
