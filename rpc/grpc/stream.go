package rationgrpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/ration-go/ration/rpc"
)

// stream is a stream of a handler. It charges messages.
type stream struct {
	grpc.ServerStream
	session *rpc.Session
	ctx     context.Context
}

// Context implements grpc.ServerStream.
func (s *stream) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s *stream) RecvMsg(m any) error {
	if refused := s.session.Refused(); refused != nil {
		return statusOf(refused)
	}
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return statusOf(s.session.Message(m, false))
}

// SendMsg implements grpc.ServerStream.
func (s *stream) SendMsg(m any) error {
	if err := statusOf(s.session.Message(m, true)); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}
