package envoy

import (
	"net/http"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/structpb"
)

// answer is an http.ResponseWriter that keeps the answer to a refused request, for Envoy
// to send.
type answer struct {
	header http.Header
	status int
	body   []byte
}

// Header returns the header of the answer.
func (w *answer) Header() http.Header { return w.header }

// WriteHeader keeps the first final status.
func (w *answer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write adds to the body.
func (w *answer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// deniedAs returns the refusal that w has kept. A refusal has an error status, whatever
// middleware.Config.Refuse has written.
func deniedAs(w *answer, metadata *structpb.Struct) *authv3.CheckResponse {
	if w.status < 400 || w.status > 599 {
		w.status = http.StatusForbidden
	}
	return &authv3.CheckResponse{
		Status: &rpcstatus.Status{Code: int32(codeOf(w.status)), Message: http.StatusText(w.status)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(w.status)},
			Headers: headerOptions(w.header),
			Body:    text(string(w.body)),
		}},
		DynamicMetadata: metadata,
	}
}

// fields calls yield with each field of h that an answer may have, in alphabetical order.
// Envoy writes the fields about the connection and the length itself.
func fields(h http.Header, yield func(name string, values []string)) {
	names := make([]string, 0, len(h))
	for name := range h {
		switch name {
		case "Connection", "Content-Length", "Date", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade":
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		yield(strings.ToLower(name), h[name])
	}
}

// headerOptions returns the fields of h for external authorization. RateLimit and
// RateLimit-Policy are lists, so they are added to those of the service. Other fields
// replace those of the service.
func headerOptions(h http.Header) (options []*corev3.HeaderValueOption) {
	fields(h, func(name string, values []string) {
		for i, value := range values {
			action := corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD
			if i > 0 || name == "ratelimit" || name == "ratelimit-policy" {
				action = corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD
			}
			options = append(options, headerOption(name, value, action))
		}
	})
	return options
}

func headerOption(name, value string, action corev3.HeaderValueOption_HeaderAppendAction) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: text(value)},
		AppendAction: action,
	}
}

// headerValues returns the fields of h for the rate limit service.
func headerValues(h http.Header) (all []*corev3.HeaderValue) {
	fields(h, func(name string, values []string) {
		for _, value := range values {
			all = append(all, &corev3.HeaderValue{Key: name, Value: text(value)})
		}
	})
	return all
}

// text returns s as valid UTF-8. Protocol buffers refuse other strings, and a whole
// answer would be lost.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
