// Package redis is the store of counters for many processes: a [store.Counter] over Redis 6.2 or newer, Valkey, or a Redis
// Cluster. Every decision is one call of one Lua script, so it is atomic, and one round trip.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}})
//	...
//	counter, err := redis.New(client, redis.Config{})
//
// # Clocks
//
// Buckets refill by the server's clock, windows go by the At of the charge. Neither goes back: after a failover to a server
// whose clock is behind, a bucket does not refill until that clock has caught up.
//
// # Errors
//
// An error wraps [store.ErrNotTaken] only where it is proven that nothing was charged: ctx was done before the request went
// out, the connection could not be made, or the server answered that it does not run the script (it is loading, a replica,
// out of memory, does not let this user in, and the like). After any other, such as a deadline that passed or a connection
// that was cut, the charge may have happened. It is not sent again: the script is not a read-only command, which is what
// the client would repeat. Leave rueidis's ConnLifetime unset: where a connection that has reached it is cut before it
// answered, the client sends any command again.
//
// # What a failover can lose
//
// Redis answers before its replicas have the write. When a master is lost, the charges that its replica had not yet seen are
// lost with it, and that much of each quota can be spent again. No charge is lost as long as the master lives, or comes
// back with its data.
//
// A quota that is to outlive its server needs, on the server:
//
//   - appendonly yes, because a server that starts empty has forgotten every quota (with appendfsync everysec a crash of
//     the machine loses about the last second, with always nothing that was answered);
//   - maxmemory-policy noeviction, because a key that is evicted is a quota that starts anew. A server that is full then
//     refuses charges with an error that wraps [store.ErrNotTaken]. The keys expire by themselves.
//
// A bucket needs neither: after a loss it is full once more.
//
// # Keys
//
// A subject has at most two keys, which share a slot: "ration:{subject}", a string with its buckets and its current windows,
// and "ration:{subject}:past", a hash with the windows that have ended, for reports and late refunds. A decision reads and
// writes the first alone, so its cost does not grow with the past. Both expire: a bucket is kept for as long as it can take
// to fill, and an hour at least, a window until its End and Keep, and an hour. Only a bucket that nothing refills is kept
// for ever. Names and subjects are readable in the keys and values, whatever bytes they are of.
package redis
