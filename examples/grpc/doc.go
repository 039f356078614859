// Package grpc shows API keys, rate limits and quotas in front of a gRPC server: an
// interceptor that asks a Gate. docs/grpc.md explains the lines.
package grpc
