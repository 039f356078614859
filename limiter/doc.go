// Package limiter says how fast something may be done, and asks whether it may be done
// now: a token bucket for each key, in any [store.Counter].
//
// A [Limit] is a rate and a burst; it has a text form, such as "100/s burst 200", for
// configuration files and JSON. A [Limiter] holds any number of keys to one Limit. It
// needs no API keys and no plans: package usageplan, which has both, takes the Limit
// alone.
//
// A token bucket holds at most Burst tokens, is full at first, and gains Rate tokens a
// second, continuously. What takes n tokens may go on if they are there, and takes
// nothing if they are not. Over any time T a key gets at most Burst + Rate*T tokens,
// exactly.
//
// The tokens live in the Counter, by key and by [Config].Name. With package store/memory
// they are this process's, and with a shared store they are those of all processes
// together.
package limiter
