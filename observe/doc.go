// Package observe has Observers for a Gate that need nothing beside the standard library:
// a [Log] that samples, and [Counts] in memory for pages and tests.
//
// Both are bounded, however many keys and requests there are. Neither shows a secret. Use
// [github.com/ration-go/ration/gate.Observers] to set more than one of them.
package observe
