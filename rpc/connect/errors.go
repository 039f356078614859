package rationconnect

import (
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/ration-go/ration/rpc"
)

// errorOf returns the error for a Refusal of a peer's call.
func errorOf(r *rpc.Refusal, peer connect.Peer) error {
	err := connect.NewError(connect.Code(r.Code), errors.New(r.Message))
	for _, message := range detailsOf(r) {
		if detail, failed := connect.NewErrorDetail(message); failed == nil {
			err.AddDetail(detail)
		}
	}
	set(err.Meta(), r.Header)
	if pushback := r.Pushback(); pushback != "" && peer.Protocol == connect.ProtocolGRPC {
		err.Meta().Set("Grpc-Retry-Pushback-Ms", pushback)
	}
	return err
}

// detailsOf returns the details of a Refusal.
func detailsOf(r *rpc.Refusal) (list []proto.Message) {
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
