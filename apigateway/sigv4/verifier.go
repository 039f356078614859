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

// Config configures a Verifier. The zero Config is ready for use and verifies requests to
// the Amazon API Gateway control plane.
type Config struct {
	// Service is the signing name of the service. The default is "apigateway".
	//
	// Region is the region of the endpoint. If empty, every region is accepted.
	Service, Region string

	// MaxSkew is how far the time of a signature may be from now, in either direction. The
	// default is 5m, as with AWS.
	MaxSkew time.Duration

	// MaxBody is the size limit of a body in bytes. The default is 10 MiB.
	MaxBody int64

	// MaxLarge is how many bodies above 16 KiB may be in memory at a time before their
	// signatures are verified. A request beyond it is answered with a 429. Anybody who knows
	// an access key id can send such a body. The default is 4.
	MaxLarge int
}

// Secrets returns the secret access key of an access key id. It is called with whatever
// id a client sends, before the client is authenticated, so it should be fast.
type Secrets func(ctx context.Context, accessKeyID string) (secret string, known bool, err error)

// A Verifier verifies the signatures of requests. Use New to create one. A Verifier is
// safe for concurrent use.
type Verifier struct {
	cfg     Config
	secrets Secrets
	large   chan struct{} // one element for each large body that is being read
}

// New returns a Verifier. It returns an error if secrets is nil or a limit is negative.
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

// An Error says why a request is refused. Status and Code are the HTTP status and the
// name of the exception that AWS answers with. An Error contains no secret, and not the
// signature that would have been valid.
type Error struct {
	Status  int
	Code    string
	Message string
}

// Error returns the code and the message.
func (e *Error) Error() string { return "sigv4: " + e.Code + ": " + e.Message }

func refuse(status int, code, format string, args ...any) error {
	return &Error{status, code, fmt.Sprintf(format, args...)}
}

// errUnknown and errWrong differ, as in AWS. An answer thus reveals whether an access key
// id exists, but an id is not a secret.
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
// Verify changes r to what it has verified. It reads the body, at most MaxBody bytes, and
// puts it back. It sets the query of r.URL to its canonical form, which sorts repeated
// parameters by their values. It sets an empty path to "/". Verify refuses a query that
// url.ParseQuery does not accept, since url.URL.Query drops parts of such a query.
//
// Caution: Verify waits for the body as long as the server does. Give the server a
// ReadTimeout.
//
// Security: fields that are not signed may have been altered on the way. Content-Type is
// often one of them. A handler must not choose by it how to read the body.
func (v *Verifier) Verify(r *http.Request) (accessKeyID string, err error) {
	// The cheap checks come first. The body is read last, because anybody can send one.
	s, err := parse(r)
	if err != nil {
		return "", err
	}
	if err := v.checkScope(s, time.Now()); err != nil {
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
	case !known: // before the body is read
		return "", errUnknown
	}
	body, err := v.body(r)
	if err != nil {
		return "", err
	}
	if sent := r.Header.Get("X-Amz-Content-Sha256"); sent != "" && sent != body {
		return "", refuse(http.StatusBadRequest, "InvalidSignatureException", "X-Amz-Content-Sha256: want the digest of the body")
	}
	// A handler must parse the query in the form that was verified.
	r.URL.RawQuery, r.URL.Path = query, cmp.Or(r.URL.Path, "/")
	if !hmac.Equal(sign(secret, s, canonical(r, query, s.signed, body)), s.signature) {
		return "", errWrong
	}
	return s.keyID, nil
}

// checkScope checks what needs no secret: the service, the region and the time.
func (v *Verifier) checkScope(s *signature, now time.Time) error {
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
