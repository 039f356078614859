// Package redis is the store of many processes: counters, keys, plans and links over
// Redis 6.2 or newer, Valkey, or a Redis Cluster. Every decision is one call of one Lua
// script, so it is atomic, and one round trip; so is every change of a key, a plan or a
// link, and every page of a listing.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}})
//	...
//	st, err := redis.New(client, redis.Config{})
//	...
//	go st.Run(ctx) // so that a Gate forgets at once what another process changes
//
// [Open] connects by itself and recovers by itself; [New] takes a client that the caller
// has made.
//
// Where the client speaks to one server at a time (standalone, Sentinel) decisions that
// are asked for while others are under way are gathered into one call, without a timer:
// the latency of one caller is what it is without, and the decisions a second of many are
// a multiple. [Config].Separate turns it off.
//
// # Clocks
//
// Buckets refill by the server's clock, windows go by the At of the charge. Neither goes
// back: after a failover to a server whose clock is behind, a bucket that has been
// charged does not refill until that clock has caught up. Wait and Reset of its Level
// include that time.
//
// A window is kept until its Keep and an hour have passed, by the server's clock and by
// that of the caller who ends it. A caller whose clock is behind by more than that gets
// the allowance of a window again that others have left.
//
// # Errors
//
// An error wraps [store.ErrNotTaken] only where it is proven that nothing was charged:
// ctx was done before the request went out, the connection could not be made, or the
// server answered that it does not run the script (it is loading, a replica, out of
// memory, does not let this user in, and the like). After any other, such as a deadline
// that passed or a connection that was cut, the charge may have happened. It is not sent
// again: the script is not a read-only command, which is what the client would repeat.
// Leave rueidis's ConnLifetime unset: where a connection that has reached it is cut
// before it answered, the client sends any command again.
//
// A change of a key, a plan or a link is all or nothing as well, and sent once. After an
// error that is no verdict of the contract (such as [apikey.ErrConflict]) it may have
// happened: read, and see. Reads are sent a second time where the connection broke.
//
// # Waiting
//
// No call outlasts its deadline, whatever the server and the client are at, nor a
// cancelling of its ctx, but that a decision whose deadline is within a second may see
// that instead. Who has given up leaves his request to run, for a second at least. A call
// without a deadline has one of ten seconds. A server that is silent keeps few requests
// waiting; all others fail with [store.ErrNotTaken] when their ctx is done, until the
// client gives up the connection: two seconds after it fell silent where [Open] made it.
// For [New] set ConnWriteTimeout to about a second: rueidis's default is ten.
//
// # A Cluster that moves slots
//
// MOVED and ASK are followed, and count nothing twice. A decision that needs more than
// the current state of its subject (the first of a new window, an ended window, an id)
// fails with [store.ErrNotTaken] while its slot moves, if that does not end within ctx
// and half a second; all others are answered. Keys, plans and links are in one slot:
// while that one moves, changes fail, and so do some look-ups, those of a key without
// links among them. What a Gate has in its cache goes on. Move that slot when this hurts
// least; it holds a name for each key and plan that has links.
//
// # Changes
//
// Each change is published with PUBLISH in the script that makes it, and [Store.Run]
// hears of it. What is published while nobody listens is lost, which is why a Run that is
// subscribed again says that anything may have changed. It needs one connection more. A
// Run that cannot subscribe (wrong password, no right to the channel, no server) says so
// to the Logger at once, and when it can again; it keeps trying. A reason that keeps
// coming back is told once a minute.
//
// # Connections
//
// A Store uses the connections that its client shares between all calls, one for Run, and
// up to two for decisions whose deadline is within a second. The client's
// BlockingPoolSize must leave room for these three.
//
// # Rights
//
// A user that an ACL restricts needs these keys, channels and commands, which a test
// holds; the prefix is Config's:
//
//	ACL SETUSER service on >password resetkeys ~ration* resetchannels &ration* -@all +evalsha +eval +get +mget +set +setrange
//	    +time +hget +hmget +hset +hdel +hrandfield +pttl +pexpire +type +exists +incr +zadd +zrem +zrange +zrevrangebyscore
//	    +publish +subscribe +unsubscribe +hello +ping +info
//
// INFO is for [Store.Check] and the Logger. In a Cluster add +cluster|slots,
// +cluster|shards and +asking. A user that may not publish changes nothing, but one that
// may run some of the writes alone leaves changes half made.
//
// # What a failover can lose
//
// Redis answers before its replicas have the write. When a master is lost, the charges
// that its replica had not yet seen are lost with it, and that much of each quota can be
// spent again. No charge is lost as long as the master lives, or comes back with its
// data. The same goes for a key that was just made, or just disabled.
//
// A quota that is to outlive its server needs, on the server:
//
//   - appendonly yes, because a server that starts empty has forgotten every quota (with
//     appendfsync everysec a crash of
//     the machine loses about the last second, with always nothing that was answered);
//   - maxmemory-policy noeviction, because what is evicted is a quota that starts anew,
//     or all keys of the service. A server
//     that is full then refuses charges with an error that wraps [store.ErrNotTaken]. Counters expire by themselves.
//
// A bucket needs neither: after a loss it is full once more.
//
// # Names on the server
//
// A subject has at most three keys, which share a slot:
//
//   - "ration:{subject}" is a string with its buckets and its current windows. Most
//     decisions read and write this key alone,
//     so their cost does not grow with the past.
//   - "ration:{subject}:past" is a hash with the windows that have ended, for reports and
//     late refunds.
//   - "ration:{subject}:ids" is a hash with rare buckets, such as those of a Gate's ids.
//
// All of them expire. A bucket is kept for as long as it can take to fill, and an hour at
// least, a window until its End and Keep, and an hour. Only a bucket that nothing refills
// is kept for ever. A rare bucket is dropped when it is full: soon after, while the
// subject has others, and by twice that time if nobody comes any more. Where a subject
// has some 100,000 of them, set lazyfree-lazy-expire on the server, which otherwise stops
// for some milliseconds when they expire together. Names and subjects are readable in the
// keys and values, whatever bytes they are of.
//
// Keys, plans and links are under names that begin with "ration:directory:{ration}:", in
// one slot, and never expire. Of a secret there is its digest, in hashes alone and in no
// name. Texts are UTF-8, as JSON has them.
package redis
