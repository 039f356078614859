// Package limiter holds each key to a rate limit, with a token bucket for each key in any
// [store.Counter].
//
// A [Limit] is a rate and a burst. Its text form, such as "100/s burst 200", is for
// configuration files and JSON. A [Limiter] applies one Limit to any number of keys. It
// needs no API keys and no usage plans; package usageplan uses the Limit type alone.
//
// A token bucket holds at most Burst tokens and starts full. It gains Rate tokens a
// second, continuously. A request for n tokens is admitted if the bucket holds them.
// Otherwise it is refused and takes nothing. Over any time T a key gets at most Burst +
// Rate*T tokens, exactly.
//
// The Counter stores the tokens by key and by [Config].Name. With package store/memory
// each process has its own buckets. With a shared store, such as store/redis, all
// processes share them.
package limiter
