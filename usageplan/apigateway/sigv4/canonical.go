package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// canonical is the canonical request: what is signed, in the one form that it has.
func canonical(r *http.Request, signed []string, bodyDigest string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path(r) + "\n" + query(r.URL.RawQuery) + "\n")
	for _, name := range signed {
		b.WriteString(name + ":" + field(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(signed, ";") + "\n" + bodyDigest)
	return b.String()
}

// path is the path as it came, each byte of it encoded once more: all services but S3 have it so.
func path(r *http.Request) string {
	escaped := r.URL.EscapedPath()
	if escaped == "" {
		escaped = "/"
	}
	var b strings.Builder
	for i, segment := range strings.Split(escaped, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(encode(segment))
	}
	return b.String()
}

// query is the parameters in the order of their encoded names, then values.
func query(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, [2]string{encode(decode(name)), encode(decode(value))})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p[0] + "=" + p[1]
	}
	return strings.Join(texts, "&")
}

// decode is a part of a query, decoded; what is no encoding stays as it is.
func decode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s):
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
			b.WriteByte('%')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
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
