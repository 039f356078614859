package envoy

import (
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Register registers an Authorizer, a Limiter or both on a gRPC server, with the health
// service that Envoy's health checks ask. Either of the two may be nil.
//
// The health service reports that the process serves, whether the stores answer or not:
// while they fail, the policy of the Gate is a better answer than none. To leave without
// losing a request, call Shutdown of the health.Server, wait until Envoy has noticed, and
// stop the server.
func Register(s grpc.ServiceRegistrar, a *Authorizer, l *Limiter) *health.Server {
	h := health.NewServer()
	grpc_health_v1.RegisterHealthServer(s, h)
	serving := func(name string) { h.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING) }
	if a != nil {
		authv3.RegisterAuthorizationServer(s, a)
		serving(authv3.Authorization_ServiceDesc.ServiceName)
	}
	if l != nil {
		ratelimitv3.RegisterRateLimitServiceServer(s, l)
		serving(ratelimitv3.RateLimitService_ServiceDesc.ServiceName)
	}
	return h
}
