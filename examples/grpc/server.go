package grpc

import (
	"google.golang.org/grpc"

	"github.com/ration-go/ration/gate"
)

// NewServer returns a gRPC server that only keys with a plan may call.
func NewServer(g *gate.Gate) *grpc.Server {
	return grpc.NewServer(
		grpc.ChainUnaryInterceptor(Unary(g)),
		grpc.ChainStreamInterceptor(Stream(g)),
	)
}
