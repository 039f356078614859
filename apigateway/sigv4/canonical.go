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

// canonical returns the canonical request: what is signed, in the one form that it has.
// query is the one that canonicalQuery returned.
func canonical(r *http.Request, query string, signed []string, bodyDigest string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + query + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + field(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + bodyDigest)
	return b.String()
}

// canonicalPath returns the path as it came, with each byte of it encoded once more, as
// all services but S3 have it. Two paths have one canonical form only if they are the
// same.
func canonicalPath(u *url.URL) string {
	segments := strings.Split(u.EscapedPath(), "/")
	for i, segment := range segments {
		segments[i] = encode(segment)
	}
	return strings.Join(segments, "/")
}

// canonicalQuery returns the parameters of u's query in the order of their encoded names,
// then values. It takes them from url.ParseQuery, as handlers do, and refuses a query of
// which that drops a part: a signature must not cover one thing and a handler read
// another. So does a target such as "http:apikeys", which has no path.
func canonicalQuery(u *url.URL) (string, error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.Opaque != "" {
		return "", refuse(http.StatusBadRequest, "MalformedQueryString", "The request target contains a syntax error.")
	}
	var pairs [][2]string
	for name, list := range values {
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

// encode percent-encodes all but the unreserved characters of RFC 3986.
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

// field is the value of a signed field: trimmed, spaces folded, several joined by commas.
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

// fold leaves one of several spaces.
func fold(s string) string {
	s = strings.Trim(s, " \t")
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}

// sign is the signature that a canonical request has with a secret.
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
