package browsertest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/sampledata"
)

// TestPlainHTTP sends a form to a page that has no TLS and is not on the loopback, such
// as one in a network of its own. A browser tells no Sec-Fetch-Site there, so the Origin
// must be right.
func TestPlainHTTP(t *testing.T) {
	find(t)
	t.Parallel()
	s := newSite(t, 1)
	tab := open(t, wide)
	key := sampledata.Named()[9].ID()
	tab.visit(strings.Replace(s.url, "127.0.0.1", plainHost, 1) + "/keys/" + key + "/disable")
	require.Equal(t, "false", eval[string](tab, `String(window.isSecureContext)`))
	require.EqualValues(t, http.StatusOK, tab.leave(chromedp.Click(chromedp.CSS("button.danger"))))
	k, err := s.keys.Get(t.Context(), key)
	require.NoError(t, err)
	require.False(t, k.Enabled)
}
