package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestRestrict sends requests to a gateway whose routes need scopes, with a key that has
// scopes and networks. The file declares the key, and the gateway trusts its own machine
// as a proxy.
func TestRestrict(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "plans.yaml")
	digest, _ := apikey.DigestOf(clientSecret).MarshalText()
	write(t, path, fmt.Sprintf("plans: [{id: p, quotas: [3/day]}]\nkeys: [{id: k, enabled: true, digest: %q, scopes: ['orders:*'], networks: [192.0.2.0/24]}]\nlinks: [{planId: p, keyId: k}]\n", digest))
	gw := start(t, "-plans", path, "-scope", "GET /orders=orders:read", "-scope", "/=admin", "-trusted", "127.0.0.0/8", "-style", "problem")
	for _, c := range []struct {
		path, from string
		status     int
		says       string
	}{
		{"/orders", "192.0.2.7", 200, ""},
		{"/ORDERS/", "192.0.2.7", 200, ""},
		{"/orders", "198.51.100.7", 403, "may not be used from this address"},
		{"/orders", "", 403, "may not be used from this address"},
		{"/else", "192.0.2.7", 403, "does not have the scope admin"},
		{"/orders", "192.0.2.7", 200, ""}, // the last of 3
		{"/orders", "192.0.2.7", 429, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", gw.data+c.path, nil)
		require.NoError(t, err)
		req.Header.Set("X-Api-Key", clientSecret)
		if c.from != "" {
			req.Header.Set("X-Forwarded-For", c.from)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		require.NoError(t, err)
		require.Equal(t, c.status, resp.StatusCode, "%s from %s: %s", c.path, c.from, body)
		if c.status == 403 {
			require.Contains(t, string(body), c.says)
		}
	}
	require.NoError(t, gw.stop())
}

// TestRestrictFlags checks the faults of the flags.
func TestRestrictFlags(t *testing.T) {
	for line, want := range map[string]string{
		"-scope /orders":             `invalid value "/orders" for flag -scope: want PATTERN=SCOPE`,
		"-scope /orders=":            "scope: \"\": want 1 to 128",
		"-scope /orders=a:*":         "other than \", \\ and *",
		"-scope /a=x -scope /a=y":    `"/a": want each route once`,
		"-scope bad{=x":              `routeScopes: "bad{": parsing`,
		"-trusted 10.0.0.1":          "want a network such as 10.0.0.0/8",
		"-forwarded":                 "-forwarded: want -trusted, too",
		"-forwarded -style x":        "-forwarded: want -trusted, too",
		"-trusted 10.0.0.0/8 -lease": "-lease",
	} {
		err := run(t.Context(), onFreePorts(strings.Fields(line)), io.Discard, io.Discard)
		require.ErrorContains(t, err, want, line)
	}
}
