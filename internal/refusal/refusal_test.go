package refusal_test

import (
	"bufio"
	"fmt"
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

	"github.com/ration-go/ration/internal/pipeserver"
	"github.com/ration-go/ration/internal/refusal"
)

// TestNoStore removes every field by which a cache could keep a response, and no other.
func TestNoStore(t *testing.T) {
	h := http.Header{}
	for _, name := range []string{"CDN-Cache-Control", "X-Acme-Cache-Control", "Surrogate-Control", "Edge-Control", "X-Accel-Expires",
		"Expires", "Age", "ETag", "Last-Modified", "Pragma", "Cache-Control"} {
		h.Set(name, "public")
	}
	h.Set("Vary", "Origin")
	refusal.NoStore(h)
	require.Equal(t, http.Header{"Cache-Control": {"no-store"}, "Vary": {"Origin"}}, h)
}

// TestUnread has a client that sends its header at once and a body in parts. The response
// is sent when the body has arrived, or after 100ms.
func TestUnread(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		what   string
		header string
		parts  []string // one every 40 ms
		answer time.Duration
		closes bool
	}{
		{"no body", "", nil, 0, false},
		{"at once", "Content-Length: 4\r\n", []string{"1234"}, 0, false},
		{"in time", "Content-Length: 4\r\n", []string{"12", "34"}, 40 * ms, false},
		{"chunked, in time", "Transfer-Encoding: chunked\r\n", []string{"2\r\n12\r\n", "0\r\n\r\n"}, 40 * ms, false},
		{"too late", "Content-Length: 5\r\n", []string{"1", "2", "3", "4", "5"}, 100 * ms, true},
		{"never", "Content-Length: 5\r\n", nil, 100 * ms, true},
		{"chunked, never", "Transfer-Encoding: chunked\r\n", []string{"2\r\n12\r\n"}, 100 * ms, true},
		{"too much", "Content-Length: 1000000\r\n", nil, 0, true},
		{"expects 100-continue", "Content-Length: 4\r\nExpect: 100-continue\r\n", nil, 0, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, stop := serve(t, func(w http.ResponseWriter, r *http.Request) {
				refusal.Unread(w, r)
				w.WriteHeader(http.StatusUnauthorized)
			})
			began := time.Now()
			go func() {
				_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\n"+c.header+"\r\n")
				for i, part := range c.parts {
					if i > 0 {
						time.Sleep(40 * ms)
					}
					_, _ = io.WriteString(client, part)
				}
			}()
			answers := bufio.NewReader(client)
			res, err := http.ReadResponse(answers, nil)
			require.NoError(t, err, c.what)
			require.Equal(t, c.answer, time.Since(began), c.what)
			require.Equal(t, 401, res.StatusCode)
			require.Equal(t, c.closes, res.Close, c.what)
			if c.closes {
				_, err = answers.ReadByte()
				require.ErrorIs(t, err, io.EOF, c.what)
				require.LessOrEqual(t, time.Since(began), time.Second, c.what)
			}
			time.Sleep(time.Second) // the client may still be sending
			stop()
		})
	}
}

// TestUnreadElsewhere checks a writer without a read deadline, and HTTP/2, for which
// nothing is done.
func TestUnreadElsewhere(t *testing.T) {
	for major, want := range map[int]string{1: "close", 2: ""} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader("body"))
		r.ProtoMajor = major
		refusal.Unread(w, r)
		require.Equal(t, want, w.Header().Get("Connection"))
	}
}

// TestWithin stops the reading of a body after its time. Reads after stop are not
// affected.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		stopAfter, read time.Duration
		fails           bool
	}{
		{time.Hour, 10 * time.Second, true},
		{time.Second, time.Hour, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, stop := serve(t, func(w http.ResponseWriter, r *http.Request) {
				over := refusal.Within(w, r, 10*time.Second)
				if !c.fails {
					time.Sleep(c.stopAfter)
					over()
				}
				began := time.Now()
				_, err := io.ReadAll(r.Body)
				if c.fails {
					over()
				}
				w.Header().Set("Connection", "close")
				_, _ = fmt.Fprint(w, err != nil, time.Since(began) >= c.read-time.Second)
			})
			go func() {
				_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n1")
				time.Sleep(time.Hour)
				_, _ = io.WriteString(client, "2")
			}()
			answers := bufio.NewReader(client)
			res, err := http.ReadResponse(answers, nil)
			require.NoError(t, err)
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(c.fails, true), string(body))
			_, _ = io.Copy(io.Discard, answers)
			time.Sleep(2 * time.Hour)
			stop()
		})
	}
}

// serve starts a server with one connection, in this process.
func serve(t *testing.T, h http.HandlerFunc) (client net.Conn, stop func()) {
	return pipeserver.Serve(t, &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)})
}
