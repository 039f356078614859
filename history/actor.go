package history

import (
	"cmp"
	"context"
	"log/slog"
)

// The kinds of actors that this module names. A service may use any others.
const (
	ActorAWS     = "aws"     // an administrator; the Name is an access key ID
	ActorPage    = "page"    // a user of a page
	ActorService = "service" // a program
	ActorPlans   = "plans"   // a file of declared plans
	ActorKey     = "key"     // the owner of an API key; the Name is the ID of the key
	ActorScanner = "scanner" // a secret scanner that has found a secret
)

// An Actor is a person or a program that changes something. The zero Actor is unknown.
type Actor struct {
	// Kind says where the Name is from, such as ActorAWS. It keeps at most MaxKind bytes.
	Kind string `json:"kind,omitzero"`

	// Name tells the actors of a Kind apart. It is no secret. It keeps at most MaxName
	// bytes.
	Name string `json:"name,omitzero"`
}

// String returns the Kind and the Name, such as "page alice", or "unknown".
func (a Actor) String() string {
	if a.Kind == "" || a.Name == "" {
		return cmp.Or(a.Kind, a.Name, "unknown")
	}
	return a.Kind + " " + a.Name
}

// LogValue returns String.
func (a Actor) LogValue() slog.Value { return slog.StringValue(a.String()) }

type actorKey struct{}

// WithActor returns a context whose changes are a's. It replaces the Actor of ctx.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorOf returns the Actor that WithActor has put into ctx, or the zero Actor.
func ActorOf(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}
