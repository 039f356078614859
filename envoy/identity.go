package envoy

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/ration-go/ration/gate"
)

// identityFields are what follows the prefix in the names of the fields about the caller.
var identityFields = []string{"key-id", "customer-id", "group-id", "plan-id"}

// identityOf returns the values of identityFields. What is not known is empty.
func identityOf(o *gate.Outcome) (values [4]string) {
	if o.Key != nil {
		values = [4]string{o.Key.ID, o.Key.CustomerID, o.Key.GroupID, ""}
	}
	if o.Plan != nil {
		values[3] = o.Plan.ID
	}
	return values
}

// identify adds the fields about the caller, and removes those that the client has sent.
//
// Security: Envoy adds fields before it removes others, so a field that is added must not
// be removed. It replaces the client's. All other names are removed even if the request
// seems not to have them, because Envoy can be configured to send only some fields here.
func (a *Authorizer) identify(ok *authv3.OkHttpResponse, r *http.Request, o *gate.Outcome) {
	set := make([]string, 0, len(identityFields))
	for i, value := range identityOf(o) {
		name := a.prefix + identityFields[i]
		if value == "" {
			ok.HeadersToRemove = append(ok.HeadersToRemove, name)
			continue
		}
		set = append(set, name)
		ok.Headers = append(ok.Headers, headerOption(name, visible(value), corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD))
	}
	var forged []string
	for name := range r.Header {
		name = strings.ToLower(name)
		alike := strings.ReplaceAll(name, "_", "-")
		if strings.HasPrefix(alike, a.prefix) && !slices.Contains(set, name) && !slices.Contains(ok.HeadersToRemove, name) {
			forged = append(forged, name)
		}
	}
	slices.Sort(forged)
	ok.HeadersToRemove = append(ok.HeadersToRemove, forged...)
}

// strip removes every credential from the request, malformed ones of public routes
// included. The Extractor is asked again until it finds no other place.
func (a *Authorizer) strip(ok *authv3.OkHttpResponse, r *http.Request) {
	rest := *r
	for {
		found, _ := a.credential(&rest)
		switch {
		case found.Header != "" && len(rest.Header.Values(found.Header)) > 0:
			ok.HeadersToRemove = append(ok.HeadersToRemove, strings.ToLower(found.Header))
			rest.Header = rest.Header.Clone()
			rest.Header.Del(found.Header)
		case found.Query != "" && rest.URL.Query().Has(found.Query):
			ok.QueryParametersToRemove = append(ok.QueryParametersToRemove, spellingsOf(rest.URL, found.Query)...)
			rest.URL = withoutQuery(rest.URL, found.Query)
		default:
			return
		}
	}
}

// spellingsOf returns how a query writes the name of a parameter. Envoy does not decode
// the names that it compares.
func spellingsOf(u *url.URL, name string) (list []string) {
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		key, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(key); err == nil && plain == name && !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	return list
}

// withoutQuery returns a copy of u without one query parameter.
func withoutQuery(u *url.URL, name string) *url.URL {
	rest := *u
	query := rest.Query()
	query.Del(name)
	rest.RawQuery = query.Encode()
	return &rest
}

// metadataOf returns what access logs and later filters of Envoy can read of a decision.
// It is nil if nothing was decided.
func metadataOf(o *gate.Outcome) *structpb.Struct {
	if o.Reason == 0 {
		return nil
	}
	members := map[string]*structpb.Value{"reason": structpb.NewStringValue(o.Reason.String())}
	for i, value := range identityOf(o) {
		if value != "" {
			members[strings.ReplaceAll(identityFields[i], "-", "_")] = structpb.NewStringValue(text(value))
		}
	}
	return &structpb.Struct{Fields: members}
}

// visible returns s with percent-encoding for all bytes that are not visible ASCII, and
// for the percent sign.
func visible(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if '!' <= c && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// isPrefix reports whether s can begin the names of header fields: see
// AuthorizerConfig.IdentityPrefix.
func isPrefix(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(s) > 1 && s[0] != '-' && strings.HasSuffix(s, "-")
}
