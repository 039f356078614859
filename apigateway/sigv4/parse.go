package sigv4

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	amzDate   = "20060102T150405Z"
	most      = 4096 // bytes of an Authorization field
)

// signature is what the Authorization field says.
type signature struct {
	keyID, date, region, service string
	at                           time.Time
	signed                       []string // names of header fields, in lower case and in order
	signature                    []byte
}

// scope is the credential's, without the key.
func (s *signature) scope() string {
	return s.date + "/" + s.region + "/" + s.service + "/aws4_request"
}

// parse reads the signature of a request, and holds it to the rules of the form.
func parse(r *http.Request) (*signature, error) {
	fields := r.Header["Authorization"]
	if len(fields) == 0 {
		return nil, errMissing
	}
	rest, found := strings.CutPrefix(fields[0], algorithm)
	if len(fields) > 1 || len(fields[0]) > most || !found || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return nil, incomplete("Authorization: want one field, of the form %s Credential=..., SignedHeaders=..., Signature=...", algorithm)
	}
	s := &signature{}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := parts[name]; twice {
			return nil, incomplete("Authorization: %.20q is there twice", name)
		}
		parts[name] = value
	}
	if err := s.credential(parts["Credential"]); err != nil {
		return nil, err
	}
	var err error
	if s.signature, err = hex.DecodeString(parts["Signature"]); err != nil || len(s.signature) != 32 {
		return nil, incomplete("Authorization: Signature: want 64 hexadecimal digits")
	}
	if s.at, err = signedAt(r); err != nil {
		return nil, err
	}
	if s.at.Format("20060102") != s.date {
		return nil, incomplete("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	s.signed = strings.Split(parts["SignedHeaders"], ";")
	return s, s.covers(r)
}

// credential takes "key/20150830/us-east-1/service/aws4_request" apart.
func (s *signature) credential(text string) error {
	parts := strings.Split(text, "/")
	if n := len(parts); n < 5 || parts[n-1] != "aws4_request" || slices.Contains(parts, "") {
		return incomplete("Authorization: Credential: want the form <key id>/YYYYMMDD/<region>/<service>/aws4_request")
	} else {
		s.keyID = strings.Join(parts[:n-4], "/")
		s.date, s.region, s.service = parts[n-4], parts[n-3], parts[n-2]
	}
	return nil
}

// signedAt is X-Amz-Date, else Date.
func signedAt(r *http.Request) (time.Time, error) {
	fields := r.Header["X-Amz-Date"]
	if len(fields) == 1 {
		if at, err := time.Parse(amzDate, fields[0]); err == nil {
			return at, nil
		}
	}
	if dates := r.Header["Date"]; len(fields) == 0 && len(dates) == 1 {
		if at, err := http.ParseTime(dates[0]); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, incomplete("X-Amz-Date: want one, of the form YYYYMMDDTHHMMSSZ")
}

// covers holds the list of signed fields to what must be signed, as AWS does: the host,
// the date, and every X-Amz field there is. Without these a request could be sent
// elsewhere, at another time or with another meaning. Content-Type is not among them:
// several SDKs never sign it.
func (s *signature) covers(r *http.Request) error {
	if !slices.IsSorted(s.signed) || len(slices.Compact(slices.Clone(s.signed))) != len(s.signed) || slices.Contains(s.signed, "") {
		return incomplete("Authorization: SignedHeaders: want names in order, each once")
	}
	for _, name := range s.signed {
		if name != strings.ToLower(name) {
			return incomplete("Authorization: SignedHeaders: want names in lower case")
		}
		if name != "host" && name != "content-length" && len(r.Header[http.CanonicalHeaderKey(name)]) == 0 {
			return incomplete("Authorization: SignedHeaders: %.40q: there is no such field", name)
		}
	}
	needed := []string{"host"}
	if len(r.Header["X-Amz-Date"]) == 0 {
		needed = append(needed, "date")
	}
	for name, values := range r.Header {
		if !strings.HasPrefix(name, "X-Amz-") {
			continue
		}
		if len(values) > 1 { // a signature cannot tell them from one with a comma in it
			return incomplete("%.40q: want one such field", name)
		}
		needed = append(needed, strings.ToLower(name))
	}
	for _, name := range needed {
		if !slices.Contains(s.signed, name) {
			return incomplete("Authorization: SignedHeaders: %.40q must be signed", name)
		}
	}
	return nil
}
