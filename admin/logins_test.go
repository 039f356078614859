package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/observe"
)

// untimed returns a logger whose lines have no time.
func untimed(to *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// TestFailedLogins is a timeline of logins, of what is logged of them, and of what is
// counted. A client has a line a minute, which tells of all attempts since its last one.
func TestFailedLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := must(admin.NewBasic(map[string]string{"ada": "right"}, admin.BasicConfig{Logger: untimed(&log)}))
		const home, other = "192.0.2.1:1000", "192.0.2.2:1000"
		line := func(client string, attempts int, rest string) string {
			return fmt.Sprintf("level=WARN msg=\"ration: logins to the admin page failed\" client=%s attempts=%d%s\n", client, attempts, rest)
		}
		for i, step := range []struct {
			after                time.Duration
			from, name, password string
			times                int
			want                 string
			stats                observe.Logins
		}{
			{0, home, "", "", 3, "", observe.Logins{}}, // a browser asks first
			{0, home, "ada", "right", 3, "", observe.Logins{}},
			{0, home, "ada", "wrong", 4, line("192.0.2.1", 1, " user=ada"), observe.Logins{Wrong: 4}},
			{0, other, "my-passw0rd", "ada", 2, line("192.0.2.2", 1, ""), observe.Logins{Wrong: 6}},
			{30 * time.Second, home, "ada", "wrong", 20, "", observe.Logins{Wrong: 16, Refused: 10}},
			{30 * time.Second, home, "eve", "right", 1, line("192.0.2.1", 24, ""), observe.Logins{Wrong: 17, Refused: 10}},
			{time.Hour, home, "ada", "right", 1, "", observe.Logins{Wrong: 17, Refused: 10}},
			{0, home, "ada", "", 1, line("192.0.2.1", 1, " user=ada"), observe.Logins{Wrong: 18, Refused: 10}},
		} {
			time.Sleep(step.after)
			log.Reset()
			for range step.times {
				login(b, step.from, step.name, step.password)
			}
			require.Equal(t, step.want, log.String(), i)
			require.Equal(t, step.stats, b.Stats(), i)
		}
	})
}

// TestLoginLinesAreBounded has a flood of wrong passwords from many networks. It has 60
// lines a minute, and every attempt is counted.
func TestLoginLinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := must(admin.NewBasic(map[string]string{"ada": "right"}, admin.BasicConfig{Logger: untimed(&log)}))
		for minute := range 3 {
			log.Reset()
			for i := range 1000 {
				login(b, fmt.Sprintf("10.0.%d.%d:1", i>>8, i&0xff), "ada", "wrong")
			}
			require.Equal(t, 60, strings.Count(log.String(), "\n"), minute)
			time.Sleep(time.Minute)
		}
		require.EqualValues(t, 3000, b.Stats().Wrong)
	})
}

// TestClient has people behind a proxy, which writes who they are. One who fails too
// often has nobody else refused. A request without that field counts for the proxy.
func TestClient(t *testing.T) {
	b := must(admin.NewBasic(map[string]string{"ada": "right"}, admin.BasicConfig{Client: func(r *http.Request) (string, error) {
		if r.Header.Get("X-Forwarded-For") == "" {
			return "", errors.New("no client")
		}
		return r.Header.Get("X-Forwarded-For"), nil
	}}))
	login := func(client, password string) int {
		r := httptest.NewRequest("GET", "/usage", nil)
		r.Header.Set("X-Forwarded-For", client)
		r.SetBasicAuth("ada", password)
		if _, ok := b.Authenticate(r); ok {
			return http.StatusOK
		}
		w := httptest.NewRecorder()
		b.Challenge(w, r)
		return w.Code
	}
	for _, attacker := range []string{"198.51.100.7", ""} {
		for range 10 {
			login(attacker, "wrong")
		}
		require.Equal(t, http.StatusTooManyRequests, login(attacker, "right"))
	}
	require.Equal(t, http.StatusOK, login("198.51.100.8", "right"))
}
