// Package bucketname names the token buckets of a subject. Plans validate that their
// quotas and routes leave these names alone, and the Gate counts under them.
package bucketname

const (
	// Throttle is the name of a plan's own bucket.
	Throttle = "throttle"

	// RoutePrefix begins the name of every route's bucket.
	RoutePrefix = "throttle "
)

// Route returns the name of a route's bucket.
func Route(route string) string { return RoutePrefix + route }

// StagePrefix returns what the names of the buckets of an API stage's routes begin with.
func StagePrefix(stage string) string { return RoutePrefix + stage + " " }
