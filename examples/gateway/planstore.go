package main

import "github.com/ration-go/ration/usageplan"

// A planStore keeps plans and groups. The gateway makes no groups, but another program on
// the same store may.
type planStore interface {
	usageplan.Store
	usageplan.GroupStore
}
