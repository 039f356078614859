package apigateway

import (
	"errors"
	"net/http"

	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/nilcheck"
)

// Signed returns an Authenticator that accepts requests with an AWS Signature Version 4
// by a key that v knows. The aws command line and the AWS SDKs sign in this way.
//
// The Actor of a request is history.ActorAWS with the access key ID.
func Signed(v *sigv4.Verifier) Authenticator {
	nilcheck.Must("apigateway: Signed", nilcheck.Required("verifier", v, "a sigv4.Verifier"))
	return func(r *http.Request) (history.Actor, error) {
		id, err := v.Verify(r)
		if refused, ok := errors.AsType[*sigv4.Error](err); ok {
			err = &Error{refused.Status, refused.Code, refused.Message}
		}
		if err != nil {
			return history.Actor{}, err
		}
		return history.Actor{Kind: history.ActorAWS, Name: id}, nil
	}
}
