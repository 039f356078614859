package sigv4

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Config of a Verifier. The zero Config is that of the Amazon API Gateway control plane.
type Config struct {
	// Service is the signing name of the service; empty: "apigateway". Region is that of the
	// endpoint; empty: any.
	Service, Region string

	// MaxSkew is how far from now a request may say that it was signed; zero: 5 minutes, as
	// with AWS.
	MaxSkew time.Duration

	// MaxBody is the most bytes of a body; zero: 10 MiB.
	MaxBody int64

	// MaxLarge is how many bodies above 16 KiB are in memory at a time whose signatures are
	// not verified yet: anybody who knows an access key id can send them. Beyond it the
	// answer is 429. Zero: 4.
	MaxLarge int
}

// Secrets finds the secret access key of an access key id. It is asked about whatever
// clients send, so it should be quick.
type Secrets func(ctx context.Context, accessKeyID string) (secret string, known bool, err error)

// Verifier verifies requests. Make one with New. Safe for concurrent use.
type Verifier struct {
	cfg     Config
	secrets Secrets
	large   chan struct{} // has one for each large body that is not verified yet
}

// New makes a Verifier.
func New(secrets Secrets, cfg Config) (*Verifier, error) {
	if secrets == nil || cfg.MaxSkew < 0 || cfg.MaxBody < 0 || cfg.MaxLarge < 0 {
		return nil, errors.New("sigv4: want secrets, and a MaxSkew, a MaxBody and a MaxLarge of 0 or more")
	}
	if cfg.Service == "" {
		cfg.Service = "apigateway"
	}
	if cfg.MaxSkew == 0 {
		cfg.MaxSkew = 5 * time.Minute
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 10 << 20
	}
	if cfg.MaxLarge == 0 {
		cfg.MaxLarge = 4
	}
	return &Verifier{cfg: cfg, secrets: secrets, large: make(chan struct{}, cfg.MaxLarge)}, nil
}

// Error is why a request is not let in, with the status and the name of the exception
// that AWS answers with. It holds nothing secret, and not the signature that would have
// been right.
type Error struct {
	Status  int
	Code    string
	Message string
}

// Error is the code and the message.
func (e *Error) Error() string { return "sigv4: " + e.Code + ": " + e.Message }

func refuse(status int, code, format string, args ...any) error {
	return &Error{status, code, fmt.Sprintf(format, args...)}
}

var (
	errMissing = &Error{http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	errUnknown = &Error{http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid."}
	errWrong   = &Error{http.StatusForbidden, "InvalidSignatureException",
		"The request signature we calculated does not match the signature you provided."}
	errBusy = &Error{http.StatusTooManyRequests, "TooManyRequestsException", "Too many large requests at once"}
)

func incomplete(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "IncompleteSignatureException", format, args...)
}

// Verify returns the access key id of the signer of r. The error is an *Error, or wraps
// what Secrets returned.
//
// Verify hands on what it has verified. It reads the body, at most MaxBody bytes of it,
// and puts it back. It gives r.URL the query in its canonical form, with repeated
// parameters in the order of their values, and the path "/" where there was none. A query
// that url.ParseQuery faults is refused, since url.URL.Query drops parts of it.
//
// Verify waits for the body as long as the server does: give the server a ReadTimeout.
//
// Fields that are not signed may have been altered on the way. Content-Type is often one
// of them, so a handler must not choose by it how it reads the body.
func (v *Verifier) Verify(r *http.Request) (accessKeyID string, err error) {
	s, err := parse(r)
	if err != nil {
		return "", err
	}
	if err := v.judge(s, time.Now()); err != nil {
		return "", err
	}
	query, err := canonicalQuery(r.URL)
	if err != nil {
		return "", err
	}
	secret, known, err := v.secrets(r.Context(), s.keyID)
	switch {
	case err != nil:
		return "", fmt.Errorf("sigv4: secret: %w", err)
	case !known: // whose body is not worth reading
		return "", errUnknown
	}
	body, err := v.body(r)
	if err != nil {
		return "", err
	}
	if sent := r.Header.Get("X-Amz-Content-Sha256"); sent != "" && sent != body {
		return "", refuse(http.StatusBadRequest, "InvalidSignatureException", "X-Amz-Content-Sha256: want the digest of the body")
	}
	r.URL.RawQuery, r.URL.Path = query, cmp.Or(r.URL.Path, "/")
	if !hmac.Equal(sign(secret, s, canonical(r, query, s.signed, body)), s.signature) {
		return "", errWrong
	}
	return s.keyID, nil
}

// judge is for what can be told without a secret.
func (v *Verifier) judge(s *signature, now time.Time) error {
	switch skew := now.Sub(s.at); {
	case s.service != v.cfg.Service:
		return refuse(http.StatusForbidden, "InvalidSignatureException", "Credential should be scoped to correct service: '%s'.", v.cfg.Service)
	case v.cfg.Region != "" && s.region != v.cfg.Region:
		return refuse(http.StatusForbidden, "InvalidSignatureException", "Credential should be scoped to a valid region: '%s'.", v.cfg.Region)
	case skew > v.cfg.MaxSkew:
		return refuse(http.StatusForbidden, "InvalidSignatureException", "Signature expired: %s is now earlier than %s.",
			s.at.Format(amzDate), now.Add(-v.cfg.MaxSkew).UTC().Format(amzDate))
	case -skew > v.cfg.MaxSkew:
		return refuse(http.StatusForbidden, "InvalidSignatureException", "Signature not yet current: %s is still later than %s.",
			s.at.Format(amzDate), now.Add(v.cfg.MaxSkew).UTC().Format(amzDate))
	}
	return nil
}
