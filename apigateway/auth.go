package apigateway

import (
	"errors"
	"net/http"

	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/internal/nilcheck"
)

// Signed returns an Authenticator that accepts requests with an AWS Signature Version 4
// by a key that v knows. The aws command line and the AWS SDKs sign in this way.
func Signed(v *sigv4.Verifier) Authenticator {
	nilcheck.Must("apigateway: Signed", nilcheck.Required("verifier", v, "a sigv4.Verifier"))
	return func(r *http.Request) error {
		_, err := v.Verify(r)
		if refused, ok := errors.AsType[*sigv4.Error](err); ok {
			return &Error{refused.Status, refused.Code, refused.Message}
		}
		return err
	}
}
