// Package apikey creates, rotates, revokes and verifies API keys.
//
// A client presents a [Secret]. A Secret comes from crypto/rand, is shown once, and is
// not stored. A [Store] keeps a [Key], which holds the [Digest] of the secret. A [Format]
// describes secrets, so that a malformed one is refused without a call to the Store. A
// [Service] creates, changes, rotates and lists the keys of a Store.
//
// To authenticate a presented secret, call [Service.Verify]. It does these four steps,
// which a program can also do itself:
//
//	err := format.Check(s)                 // can s be a secret? needs no store
//	d := apikey.DigestOf(s)                // the secret itself is no longer needed
//	key, err := store.KeyByDigest(ctx, d)  // is there such a key?
//	err = key.Accepts(d, time.Now())       // is the secret good now, and may the key be used?
//
// Package gate does the same with a cache, and enforces usage plans.
//
// Security: give the client the same answer, whichever step failed. A different answer
// for a disabled key tells an attacker that the secret was once good.
//
// # Secrets
//
// A secret has three parts:
//
//   - a prefix, such as "acme_", which names the product
//   - 32 random base62 characters, which hold 190 bits
//   - the CRC-32 of all that, in six more characters
//
// Prefix and checksum are for secret scanners and against typing errors. Anybody can
// compute them, so they prove nothing.
//
// A fast digest without salt is safe for a random secret: NIST SP 800-63B section 5.1.2.2
// asks for salt and a slow hash only below 112 bits. Secrets of other systems, which
// [Service.Import] accepts with [Format.AcceptForeign], may hold less.
//
// Caution: give the Service and the Gate of a program the same Format. Each checks
// secrets by its own, and nothing else connects the two. A key that the Service creates
// under one prefix is unknown to a Gate with another.
//
// # Rotation
//
// [Service.Rotate] gives a key a new secret. The old secret stays good for a while, so
// that clients can change over without an outage. Both secrets belong to one key, so a
// rotation neither resets nor doubles what a plan allows.
package apikey
