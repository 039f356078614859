// Package apikey is who is asking: the keys that identify a service's clients, their
// secrets, and how both live and die.
//
// A [Secret] is what a client presents. It is made from crypto/rand, shown once, and kept
// nowhere: a [Key], which is what a [Store] keeps, holds the [Digest] of it. A [Format]
// says what secrets look like, so that garbage is refused without asking a store. A
// [Service] makes, changes, rotates and lists keys on top of a Store; it decides nothing
// about requests.
//
// Who has a string that claims to be a secret takes four steps. Package usageplan does
// them, with a cache; here they stand by themselves:
//
//	err := format.Check(s)                 // offline: is it of our form at all?
//	d := apikey.DigestOf(s)                // the secret itself is not needed any more
//	key, err := store.KeyByDigest(ctx, d)  // is there such a key?
//	err = key.Accepts(d, time.Now())       // is it that key's secret at this time, and may the key be used?
//
// Tell the client the same thing whatever the step that failed: a difference tells a
// stranger which secrets were once good.
//
// # Secrets
//
// A secret is "acme_" (the prefix, which names the product), 32 random base62 characters,
// which are 190 bits, and the CRC-32 of all that in six more. Prefix and checksum are for
// secret scanners and for typing errors; anybody can compute them, so they prove nothing.
// A fast digest without salt is enough to keep: NIST SP 800-63B section 5.1.2.2 asks for
// salt and a slow hash only below 112 bits. Secrets from elsewhere, which
// [Service.Import] takes with [Format.AcceptForeign], may hold less.
//
// A program gives one Format to its Service and to its Gate. Each checks secrets by its
// own, and nothing else connects the two: a key that the Service makes under one prefix
// is unknown to a Gate of another.
//
// # Rotation
//
// [Service.Rotate] gives a key a new secret and lets the old one live for a while, so
// that a client can change over without an outage. Both are one key: what a plan allows
// is neither reset nor doubled.
package apikey
