package grpc

import (
	"google.golang.org/grpc"

	"github.com/ration-go/ration/gate"
)

// NewServer returns a gRPC server that only keys with a plan may call. The public methods
// need no key.
func NewServer(g *gate.Gate, public ...string) *grpc.Server {
	return grpc.NewServer(
		grpc.ChainUnaryInterceptor(Unary(g, public...)),
		grpc.ChainStreamInterceptor(Stream(g, public...)),
	)
}
