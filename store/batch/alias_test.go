package batch_test

import (
	"slices"
	"unsafe"

	"github.com/ration-go/ration/store"
)

// alias returns a string that shares the memory of b, as callers with one buffer make it.
func alias(b []byte) string { return unsafe.String(&b[0], len(b)) }

// clone returns a Charge that shares no lists with c.
func clone(c *store.Charge) *store.Charge {
	copied := *c
	copied.Parts = slices.Clone(c.Parts)
	for i := range copied.Parts {
		copied.Parts[i].Levels = slices.Clone(c.Parts[i].Levels)
	}
	return &copied
}
