package rationgrpc

import (
	"net/http"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ration-go/ration/rpc"
)

// statusOf returns the error for a Refusal, or nil if there is none.
func statusOf(r *rpc.Refusal) error {
	if r == nil {
		return nil
	}
	s := status.New(codes.Code(r.Code), r.Message)
	if detailed, err := s.WithDetails(detailsOf(r)...); err == nil {
		s = detailed
	}
	return s.Err()
}

// detailsOf returns the details of a Refusal.
func detailsOf(r *rpc.Refusal) (list []protoadapt.MessageV1) {
	if r.RetryDelay > 0 {
		list = append(list, &errdetails.RetryInfo{RetryDelay: durationpb.New(r.RetryDelay)})
	}
	if len(r.Violations) == 0 {
		return list
	}
	failure := &errdetails.QuotaFailure{}
	for _, v := range r.Violations {
		failure.Violations = append(failure.Violations, &errdetails.QuotaFailure_Violation{
			Subject:     v.Subject,
			Description: v.Description(),
			QuotaId:     v.Limit,
			QuotaMetric: v.Unit,
			QuotaValue:  v.Max,
		})
	}
	return append(list, failure)
}

// trailer returns the metadata of a Refusal. It is in the trailer, since a client's
// library may repeat a call only as long as it has received no header.
func trailer(r *rpc.Refusal) metadata.MD {
	md := metadataOf(r.Header)
	delete(md, "cache-control") // is for HTTP
	if pushback := r.Pushback(); pushback != "" {
		md.Set("grpc-retry-pushback-ms", pushback)
	}
	return md
}

// metadataOf returns header fields as metadata.
func metadataOf(h http.Header) metadata.MD {
	md := make(metadata.MD, len(h))
	for name, values := range h {
		md[strings.ToLower(name)] = values
	}
	return md
}

// codeOf returns the code with which a server answers after an error of a handler.
func codeOf(err error) rpc.Code {
	if s, ok := status.FromError(err); ok {
		return rpc.Code(s.Code())
	}
	return rpc.Code(status.FromContextError(err).Code())
}
