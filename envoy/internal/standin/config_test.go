package standin

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRead refuses configurations that Envoy would refuse: fields, filters and values
// that it does not have, however deep.
func TestRead(t *testing.T) {
	text, err := os.ReadFile("../../example/envoy.yaml")
	require.NoError(t, err)
	_, err = Read(string(text))
	require.NoError(t, err)
	for was, is := range map[string]string{
		"stat_prefix: public":                               "stat_prefixes: public",
		"encode_raw_headers: true":                          "encode_raw_header: true",
		"path_with_escaped_slashes_action: REJ":             "path_with_escaped_slashes_action: UN",
		"domain: api":                                       `domain: ""`,
		"descriptor_key: key_id":                            `descriptor_key: ""`,
		"filters.http.ratelimit.v3.RateLimit":               "filters.http.ratelimit.v3.RateLimits",
		"check_settings: {context_extensions: {route: POST": "check_settings: {context_extension: {route: POST",
		"match: {path: /health}":                            "match: {}",
		"lb_endpoints:\n              - endpoint":           "lb_endpoints:\n              - endpoints",
	} {
		changed := strings.Replace(string(text), was, is, 1)
		require.NotEqual(t, string(text), changed, was)
		_, err := Read(changed)
		require.Error(t, err, "%s", is)
	}
}
