// Package plans keeps plans, groups, keys and links in a file under review, in YAML or
// JSON:
//
//	plans:
//	  - id: free
//	    throttle: 5/s burst 10
//	    quotas: [1000/day]
//	groups:
//	  - id: acme
//	    planId: free
//	keys:
//	  - id: crawler
//	    groupId: acme
//	links:
//	  - planId: free
//	    keyId: crawler
//
// Parse and ReadFile read a file, and report every fault at once: each with its line, its
// column and its field. Diff says what a file would change in a store. Apply changes it.
// Export writes the same form. The page docs/declared-plans.md describes the form, and
// schema.json is its JSON Schema, for editors.
//
// A file has no secrets. It names a key by its ID, and may have the digest of a secret,
// from which Apply creates a key that does not exist.
package plans
