package apigateway

import (
	"errors"
	"net/http"

	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/internal/nilcheck"
)

// Signed lets in who signs requests by AWS Signature Version 4, as the aws command line
// and the SDKs do, with a key that v knows.
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
