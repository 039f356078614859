package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// visit requests the page of a gateway, with a name and a password.
func (r *running) visit(path, name, password, host string) (status int, text string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.control+path, nil)
	require.NoError(r.t, err)
	if name != "" {
		req.SetBasicAuth(name, password)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp.StatusCode, string(body)
}

// TestUsagePage checks who may use the page, beside the control plane.
func TestUsagePage(t *testing.T) {
	t.Parallel()
	users := filepath.Join(t.TempDir(), "users")
	require.NoError(t, os.WriteFile(users, []byte("# people\r\nada:pass:word\r\n\nbob:other"), 0o600))
	for _, c := range []struct {
		name               string
		args               []string
		user, pass, host   string
		usage, plans, keys int // the statuses of /usage, /usageplans and /usage/keys
	}{
		{"without a password", nil, "", "", "", 401, 403, 401},
		{"by default", nil, "test", "test", "", 200, 400, 200},
		{"a wrong password", nil, "test", "no", "", 401, 400, 401},
		{"another name of the loopback", nil, "test", "test", "localhost", 200, 400, 200},
		{"a name that leads to the loopback", nil, "test", "test", "evil.example.com", 403, 400, 403},
		{"the administrator", []string{"-credentials", "root:s3cret"}, "root", "s3cret", "ops.example.com", 200, 400, 200},
		{"people", []string{"-page-users", users}, "ada", "pass:word", "ops.example.com", 200, 400, 200},
		{"not the administrator beside people", []string{"-page-users", users}, "test", "test", "", 401, 400, 401},
		{"no page", []string{"-page-users", "off"}, "test", "test", "", 400, 400, 400},
		{"without a history", []string{"-history", "0"}, "test", "test", "", 200, 400, 200},
	} {
		gw := start(t, c.args...)
		for path, want := range map[string]int{"/usage": c.usage, "/usageplans": c.plans, "/usage/keys": c.keys} {
			status, text := gw.visit(path, c.user, c.pass, c.host)
			require.Equal(t, want, status, "%s: %s: %s", c.name, path, text)
		}
		require.NoError(t, gw.stop())
	}
}

// TestFailedLogins checks that wrong passwords are logged, without the password, and
// counted.
func TestFailedLogins(t *testing.T) {
	t.Parallel()
	gw := start(t)
	for range 3 {
		gw.visit("/usage", "test", "a-wrong-one", "")
	}
	_, text := ask(t, "GET", gw.control+"/metrics")
	require.Contains(t, text, `ration_admin_failed_logins_total{result="wrong"} 3`)
	require.NoError(t, gw.stop())
	require.Equal(t, 1, strings.Count(gw.logs.String(), "logins to the admin page failed"))
	require.NotContains(t, gw.logs.String(), "a-wrong-one")
}

// TestUsagePageShows checks that the page shows what the two planes have done.
func TestUsagePageShows(t *testing.T) {
	t.Parallel()
	gw := start(t)
	planID, keyID, value := gw.plan(perDay(2))
	for range 5 {
		gw.get(value)
	}
	_, overview := gw.visit("/usage", "test", "test", "")
	require.Contains(t, overview, `data-label="Quota used up">3<`)
	_, key := gw.visit("/usage/keys/"+keyID, "test", "test", "")
	for _, want := range []string{"2 of 2", "/usage/plans/" + planID, "aws test", "my-api-key"} {
		require.True(t, strings.Contains(key, want), want)
	}
	require.NotContains(t, key, value)
}

// TestPageUsersFaults checks that all faults of the file are reported at once, without
// passwords.
func TestPageUsersFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	for text, want := range map[string][]string{
		"":                                {"at least one line"},
		"# nobody\n":                      {"at least one line"},
		"ada:hush\nhush\nada:hush\n:hush": {"line 2: want NAME:PASSWORD", `line 3: "ada": is there already`, "line 4: want"},
		"bob:\n":                          {"line 1: want"},
		strings.Repeat("x", maxUsers+1):   {"at most"},
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := parse([]string{"-page-users", path, "-style", "none"}, io.Discard)
		for _, w := range append(want, "-style") {
			require.ErrorContains(t, err, w)
		}
		require.NotContains(t, err.Error(), "hush")
	}
	_, err := parse([]string{"-page-users", path + "-missing"}, io.Discard)
	require.ErrorContains(t, err, "-page-users")
}
