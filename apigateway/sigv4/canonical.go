package sigv4

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// canonical returns the canonical request, which is what the signature covers. query is
// the result of canonicalQuery. The layout is "Create a canonical request" in AWS's
// guide: method, path, query, signed fields, their names, and the digest of the body.
func canonical(r *http.Request, query string, signed []string, bodyDigest string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + query + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + field(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + bodyDigest)
	return b.String()
}

// canonicalPath returns the path as it was sent, with its segments encoded once more. AWS
// requires this second encoding for all services except S3. The path is not cleaned and
// not decoded, so two different paths never have one canonical form.
func canonicalPath(u *url.URL) string {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		segments[i] = encode(segment)
	}
	return strings.Join(segments, "/")
}

// canonicalQuery returns the parameters of u's query, sorted by their encoded names, and
// then by their encoded values.
//
// The parameters come from url.ParseQuery, which handlers use too. A query of which
// ParseQuery drops a part is refused. Otherwise the signature could cover one thing while
// a handler reads another. For the same reason a target without a path, such as
// "http:apikeys", is refused.
func canonicalQuery(u *url.URL) (string, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.Opaque != "" {
		return "", refuse(http.StatusBadRequest, "MalformedQueryString", "The request target contains a syntax error.")
	}
	var pairs [][2]string
	for name, list := range values {
		// These are the parameters of a presigned URL.
		if strings.HasPrefix(name, "X-Amz-") {
			return "", incomplete("%.40q: want the signature in the Authorization field, and nothing of it in the query", name)
		}
		for _, value := range list {
			pairs = append(pairs, [2]string{encode(name), encode(value)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	})
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p[0] + "=" + p[1]
	}
	return strings.Join(texts, "&"), nil
}

// encode percent-encodes every byte except the unreserved characters of RFC 3986. The
// standard library cannot do this: url.QueryEscape writes a space as '+', and
// url.PathEscape leaves characters such as '$' and '&' as they are.
func encode(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
		}
	}
	return b.String()
}

// field returns the canonical value of a signed header field. Each value is trimmed and
// its runs of spaces are folded, and the values are joined by commas.
//
// net/http has the host in Request.Host and the length in Request.ContentLength.
func field(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header[http.CanonicalHeaderKey(name)])
	for i := range values {
		values[i] = fold(values[i])
	}
	return strings.Join(values, ",")
}

// fold replaces each run of spaces by one space, and trims s.
func fold(s string) string {
	s = strings.Trim(s, " \t")
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

// sign returns the signature of a canonical request by a secret. The signing key is
// derived from the secret by one HMAC for each part of the scope, so that a key that
// leaks is good for one day, region and service only. The last HMAC of the loop signs the
// text.
func sign(secret string, s *signature, canonical string) []byte {
	digest := sha256.Sum256([]byte(canonical))
	text := algorithm + "\n" + s.at.Format(amzDate) + "\n" + s.scope() + "\n" + hex.EncodeToString(digest[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return key
}
