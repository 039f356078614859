// Package bucketname names the token buckets of a subject. Plans check that their quotas
// and routes do not use these names, and the Gate counts under them.
package bucketname

const (
	// Throttle is the name of a plan's own bucket.
	Throttle = "throttle"

	// RoutePrefix begins the name of every route's bucket.
	RoutePrefix = "throttle "
)

// Route returns the name of a route's bucket.
func Route(route string) string { return RoutePrefix + route }

// StagePrefix returns the prefix of the bucket names of an API stage's routes.
func StagePrefix(stage string) string { return RoutePrefix + stage + " " }
