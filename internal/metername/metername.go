// Package metername names what a Gate counts. A store keeps a count under its subject and
// its meter's name, so a name holds everything that tells two counts of a subject apart,
// and nothing that may change while the count goes on.
//
//	throttle                          the bucket of a plan; its figures may change
//	throttle ROUTE                    the bucket of a route
//	throttle STAGE ROUTE              the bucket of a route on an API stage. A stage with a
//	                                  space is in quotes
//	account RATE burst N              the bucket that all requests share. Gates with other
//	stage RATE burst N                figures have buckets of their own, since one bucket
//	                                  under two figures would drain
//	PERIOD                            a quota without a name of its own, such as "day"
//	NAME/PERIOD                       a quota with a name. Under another period it is another
//	                                  count, even if two windows begin at one instant
//	PERIOD UNIT, NAME/PERIOD UNIT     such a quota of another unit than requests
//	throttle of UNIT NAME             another bucket of a plan. No route and no stage begins
//	                                  with "of "
//	use, use UNIT                     the usage record of requests, or of another unit
//	secret DIGEST                     the usage record of one of two secrets of a key
//	id DIGEST                         the ID of a request
package metername

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ration-go/ration/store"
)

const (
	// Throttle is the name of a plan's own bucket.
	Throttle = "throttle"

	// RoutePrefix begins the name of every other bucket of a plan.
	RoutePrefix = "throttle "
)

// RecordPrefix begins the name of the usage record of a unit other than requests.
const RecordPrefix = "use "

// SecretPrefix begins the name of the usage record of a secret. No quota has such a name:
// what follows has no slash, and no period is called so.
const SecretPrefix = "secret "

// IDPrefix begins the name of the ID of a request.
const IDPrefix = "id "

// Named returns the name of another bucket of a plan. The bucket of another unit has
// another name, since its tokens are of another kind. A unit has no space.
func Named(unit, name string) string { return RoutePrefix + "of " + unit + " " + name }

// Route returns the name of a route's bucket.
func Route(route string) string { return RoutePrefix + route }

// StagePrefix returns the prefix of the bucket names of an API stage's routes. It quotes
// a stage with a space: a route may begin with what another stage's name ends with.
func StagePrefix(stage string) string {
	if strings.Contains(stage, " ") {
		stage = strconv.Quote(stage)
	}
	return RoutePrefix + stage + " "
}

// SharedSubject returns the subject of a shared bucket. No link can have it, since the
// subject of a link is valid UTF-8.
func SharedSubject(name string) string { return "\xff" + name }

// Shared returns the name of a bucket that several gates may share. kind is "account" or
// "stage".
func Shared(kind string, m store.Meter) string {
	return fmt.Sprintf("%s %d/%d burst %d", kind, m.Rate.Tokens, m.Rate.Per, m.Max)
}
