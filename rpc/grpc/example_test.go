package rationgrpc_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/grpc"
	"github.com/ration-go/ration/store/memory"
)

// A server whose clients have two calls a year.
func Example() {
	ctx := context.Background()
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	defer r.Close()
	ration.Must(r.Plan(ctx, "free", "unlimited", "2/year"))
	_, secret, err := r.Issue(ctx, "free", "my-client")
	if err != nil {
		panic(err)
	}

	limits := ration.Must(rationgrpc.New(r.Gate, rpc.Config{}))
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(limits.Unary),
		grpc.ChainStreamInterceptor(limits.Stream),
	)
	healthpb.RegisterHealthServer(server, grpchealth.NewServer())
	listener := ration.Must(net.Listen("tcp", "127.0.0.1:0"))
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	conn := ration.Must(grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())))
	defer conn.Close()
	client := healthpb.NewHealthClient(conn)
	_, err = client.Check(ctx, &healthpb.HealthCheckRequest{})
	fmt.Println(err)
	for range 3 {
		ctx := metadata.AppendToOutgoingContext(ctx, "x-api-key", string(secret))
		answer, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
		fmt.Println(answer.GetStatus(), status.Code(err))
		for _, detail := range status.Convert(err).Details() {
			if failure, ok := detail.(*errdetails.QuotaFailure); ok {
				fmt.Println(failure.Violations[0].Description)
			}
		}
	}
	// Output:
	// rpc error: code = Unauthenticated desc = a valid API key is required
	// SERVING OK
	// SERVING OK
	// UNKNOWN ResourceExhausted
	// the limit "year" of the key is reached
}
