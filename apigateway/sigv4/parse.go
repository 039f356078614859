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

	// maxAuthorization is the size limit of an Authorization field. It bounds the work on a
	// field from an unknown sender.
	maxAuthorization = 4096
)

// signature holds the parts of an Authorization field.
type signature struct {
	keyID, date, region, service string
	at                           time.Time
	signed                       []string // names of fields, lower case, sorted
	signature                    []byte
}

// scope returns the scope of the credential: all of it except the access key id.
func (s *signature) scope() string {
	return s.date + "/" + s.region + "/" + s.service + "/aws4_request"
}

// parse reads the signature of a request and checks its form. It accepts exactly one
// Authorization field: with two, this package and a proxy could read different ones.
func parse(r *http.Request) (*signature, error) {
	fields := r.Header["Authorization"]
	if len(fields) == 0 {
		return nil, errMissing
	}
	rest, found := strings.CutPrefix(fields[0], algorithm)
	if len(fields) > 1 || len(fields[0]) > maxAuthorization || !found || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return nil, incomplete("Authorization: want one field, of the form %s Credential=..., SignedHeaders=..., Signature=...", algorithm)
	}
	s := &signature{}
	parts := map[string]string{}
	// Blanks around the commas are optional.
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
	// The signing key is derived from the scope's date. A time of another day would let a
	// derived key sign beyond its day.
	if s.at.Format("20060102") != s.date {
		return nil, incomplete("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	}
	s.signed = strings.Split(parts["SignedHeaders"], ";")
	return s, s.covers(r)
}

// credential parses "key/20150830/us-east-1/service/aws4_request". It counts from the
// end, because an access key id may contain slashes.
func (s *signature) credential(text string) error {
	parts := strings.Split(text, "/")
	if n := len(parts); n < 5 || parts[n-1] != "aws4_request" || slices.Contains(parts, "") {
		return incomplete("Authorization: Credential: want the form <key id>/YYYYMMDD/<region>/<service>/aws4_request")
	} else {
		s.keyID = strings.Join(parts[:n-4], "/")
		s.date = parts[n-4]
		s.region = parts[n-3]
		s.service = parts[n-2]
	}
	return nil
}

// signedAt returns the time of X-Amz-Date, or of Date if there is no X-Amz-Date. A
// present but faulty X-Amz-Date is an error, since covers would then not require Date to
// be signed.
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

// covers checks that the list of signed fields has what AWS requires: the host, the date,
// and every X-Amz field of the request. Otherwise a recorded request could be sent to
// another host, at another time or with another meaning. Content-Type is not required,
// since several SDKs never sign it.
func (s *signature) covers(r *http.Request) error {
	// The list is part of what is signed, so it has one form only.
	if !slices.IsSorted(s.signed) || len(slices.Compact(slices.Clone(s.signed))) != len(s.signed) || slices.Contains(s.signed, "") {
		return incomplete("Authorization: SignedHeaders: want names in order, each once")
	}
	for _, name := range s.signed {
		if name != strings.ToLower(name) {
			return incomplete("Authorization: SignedHeaders: want names in lower case")
		}
		// A signed field that is absent would count as an empty one.
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
		// Two fields and one field with a comma have the same canonical form. Handlers read the
		// first of two.
		if len(values) > 1 {
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
