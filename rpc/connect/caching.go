package rationconnect

import (
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/ration-go/ration/internal/refusal"
)

// hideFields removes the RateLimit fields from the answer to a GET if a shared cache may
// keep it. Other clients would take the figures for their own. The header is that of
// connect.CallInfo, and resp is nil if the handler has failed.
func hideFields(header, fields http.Header, resp connect.AnyResponse) {
	if !isShared(header) && (resp == nil || !isShared(resp.Header())) {
		return
	}
	for name := range fields {
		delete(header, name)
	}
}

// isShared reports whether a shared cache may keep an answer. If in doubt, it may.
func isShared(header http.Header) bool {
	said, private := len(header["Expires"]) > 0, false
	for name, values := range header {
		switch {
		case name == "Cache-Control":
			value := strings.ToLower(strings.Join(values, ","))
			said, private = true, strings.Contains(value, "private") || strings.Contains(value, "no-store")
		case refusal.IsForCaches(name):
			return true
		}
	}
	return said && !private
}
