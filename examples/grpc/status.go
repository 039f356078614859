package grpc

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ration-go/ration/gate"
)

// statusOf returns the error for a call that was refused. An error of the Gate is for the
// service's own log: a client learns nothing of it.
func statusOf(ctx context.Context, d *gate.Decision, err error) error {
	if err != nil && ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	switch d.Reason {
	case gate.Unknown, gate.Disabled, gate.Expired:
		return status.Error(codes.Unauthenticated, "a valid API key is required")
	case gate.NoPlan, gate.NoGroup, gate.NeverFits:
		return status.Error(codes.PermissionDenied, "the API key does not allow this call")
	case gate.Throttled, gate.QuotaExceeded:
		return tryAgain(d)
	case gate.StoreFailed:
		return status.Error(codes.Unavailable, "the service cannot check API keys now")
	}
	return status.Error(codes.Internal, "the service made a mistake")
}

// tryAgain returns the error for a limit that is used up. It says how long to wait.
func tryAgain(d *gate.Decision) error {
	s := status.New(codes.ResourceExhausted, d.Reason.String())
	wait := &errdetails.RetryInfo{RetryDelay: durationpb.New(d.RetryAfter)}
	if detailed, err := s.WithDetails(wait); err == nil {
		s = detailed
	}
	return s.Err()
}
