// Package directorytest has the tests of directories that package sqlite and package
// postgres share, beside those of package storetest. Stores outside this module may not
// have to pass them.
package directorytest

import (
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// Store has all that a directory keeps.
type Store interface {
	apikey.Store
	usageplan.Store
	usageplan.GroupStore
	usageplan.AccessReader
	usageplan.Listener
}
