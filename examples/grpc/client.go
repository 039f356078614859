package grpc

import (
	"context"

	"google.golang.org/grpc/metadata"
)

// WithKey returns a context whose calls carry a client's API key.
func WithKey(ctx context.Context, secret string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-api-key", secret)
}
