// Package redis stores counters, keys, plans, links and groups in Redis 6.2 or newer,
// Valkey, or a Redis Cluster, for any number of processes. Every decision is one call of
// one Lua script, however many subjects it charges: it is atomic, and takes one round
// trip. The same holds for every change of a key, a plan, a link or a group, for every
// page of a listing, and for the look-up of a key with its links, groups and plans.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}})
//	...
//	st, err := redis.New(client, redis.Config{})
//	...
//	go st.Run(ctx) // so that a Gate forgets at once what another process changes
//
// [Open] connects and reconnects by itself. [New] takes a client that the caller has
// made.
//
// If the client speaks to one server at a time (standalone, Sentinel), decisions that
// arrive while others are in flight are batched into one call. There is no timer, so a
// single caller does not wait longer. Many callers get a multiple of the decisions a
// second. With [Config].Separate such decisions are commands of their own, which share a
// pipeline.
//
// # Several families
//
// One server decides a charge over several families in one step. In a Cluster, and with
// [Config].Separate, such a charge fails with [store.ErrApart] unless the families are
// sure to be in one place. A family is always in one place: see [store.Family].
//
// A Move between families that are in different places takes some round trips. If its
// error does not wrap [store.ErrNotTaken], repeat it: a Move that broke off goes on.
// Until then charges of both subjects fail with store.ErrNotTaken. If two Moves of one
// subject go to different places, one fails with a [store.MovedError], and its new
// subject stays open.
//
// # Clocks
//
// Buckets refill by the server's clock. Windows go by the At of the charge. Neither goes
// back. After a failover to a server whose clock is behind, a bucket that has been
// charged does not refill until that clock has caught up. Wait and Reset of its Level
// include that time.
//
// A window is kept until an hour after its Keep, by the server's clock and by the clock
// of the caller that ends it.
//
// Caution: A caller whose clock is behind by more than that gets the allowance of a
// window again that other callers have already left.
//
// # Errors
//
// An error wraps [store.ErrNotTaken] only if it is proven that nothing was charged:
//
//   - ctx was done before the request was sent;
//   - the connection could not be made;
//   - the server answered that it does not run the script, for example because it is
//     loading, is a replica, is out of memory, or does not admit the user.
//
// After any other error the charge may have happened, but never a part of it. Examples
// are a deadline that passed and a connection that was cut. The charge is not sent again:
// the client repeats only read-only commands, and the script is not marked as one.
//
// Caution: Leave rueidis's ConnLifetime unset. If a connection reaches that age and is
// cut before the answer, the client sends any command again.
//
// A change of a key, a plan, a link or a group is also all or nothing, and is also sent
// once. After an error that is not one of the contract's (such as [apikey.ErrConflict])
// the change may have happened: read the record to find out. A read is sent a second time
// if the connection broke.
//
// # Waiting
//
// Every call returns at its deadline, whatever state the server and the client are in. It
// also returns when its ctx is cancelled. There is one exception: a decision whose
// deadline is within a second may return only at the deadline.
//
// A request whose caller gave up runs on, for at least one second. A call without a
// deadline gets a deadline of 10s.
//
// A silent server keeps few requests waiting. All others fail with [store.ErrNotTaken]
// when their ctx is done. That ends when the client gives up the connection: two seconds
// after it fell silent, if [Open] made the client. If the caller makes it, set
// ConnWriteTimeout to about a second. The default of rueidis is 10s.
//
// # A Cluster that moves slots
//
// The client follows MOVED and ASK. Nothing is counted twice.
//
// While a slot moves, most decisions on a subject of it are answered as usual. Some need
// more than the current state of the subject: the first of a new window, one for an ended
// window, one with an id. A decision on several subjects needs all of them on one node.
// These wait for half a second, or until ctx is done, and then fail with
// [store.ErrNotTaken].
//
// Keys, plans, links and groups are in one slot. While that slot moves, changes fail, and
// so do some look-ups, among them the look-up of a key without links. Keys in the cache
// of a Gate stay in use. Move that slot when this hurts least. It holds a name for each
// key and plan that has links.
//
// # Changes
//
// The script that makes a change also publishes it, with PUBLISH. [Store.Run] subscribes
// to these messages, on one connection more. A message that is published while no Run is
// subscribed is lost. So a Run that has subscribed again reports that anything may have
// changed.
//
// A Run that cannot subscribe (wrong password, no right to the channel, no server) keeps
// trying. It reports that to the Logger at once, and again when it has subscribed. A
// reason that comes back is logged once a minute.
//
// # Connections
//
// A Store uses the connections that its client shares between all calls. It needs one
// more for Run, and up to two more for decisions whose deadline is within a second. The
// client's BlockingPoolSize must leave room for these three.
//
// # Rights
//
// A user that an ACL restricts needs the keys, channels and commands below. A test checks
// this list. The prefix is that of Config.
//
//	ACL SETUSER service on >password resetkeys ~ration* resetchannels &ration* -@all +evalsha +eval +get +mget +set +setrange
//	    +time +hget +hmget +hgetall +hset +hdel +hrandfield +pttl +pexpire +rename +del +type +exists +incr +zadd +zrem +zrange
//	    +zrevrangebyscore +publish +subscribe +unsubscribe +hello +ping +info +xadd +xtrim +xrevrange
//
// INFO is for [Store.Check] and the Logger. The last three commands are for a
// [Store.History]. In a Cluster add +cluster|slots,
// +cluster|shards and +asking. A user that copies the store needs +scan as well, and in a
// Cluster +role: see [Store.Dump].
//
// Caution: A user that may run only some of the write commands leaves changes half made,
// and charges of several subjects, too. A user that may not publish changes nothing.
//
// # What a failover can lose
//
// Redis answers before its replicas have the write. When a master is lost, the charges
// that its replica had not yet received are lost too, and that much of each quota can be
// spent again. No charge is lost while the master lives, or if it comes back with its
// data. The same holds for a key that was just created or just disabled.
//
// A quota that must outlive its server needs these settings on the server:
//
//   - appendonly yes, because a server that starts empty has forgotten every quota. With
//     appendfsync everysec a crash of the machine loses about the last second. With
//     always it loses nothing that was answered.
//   - maxmemory-policy noeviction, because an evicted key is a quota that starts anew,
//     or all keys of the service. A server that is full then refuses charges with an
//     error that wraps [store.ErrNotTaken]. Counters expire by themselves.
//
// A bucket needs neither: after a loss it is full again.
//
// # Names on the server
//
// A subject has at most three keys, which share a slot with the rest of its family:
//
//   - "ration:{family}" is a string with its buckets and its current windows. Of a
//     subject with a '>' it is "ration:{family}{rest}". Most decisions read and write
//     only this key, so their cost does not grow with the past.
//   - The same name with ":past" is a hash with the windows that have ended, for reports
//     and late refunds.
//   - The same name with ":ids" is a hash with rare buckets, such as those of a Gate's
//     ids.
//
// All of them expire. A bucket is kept for as long as it can take to fill, and at least
// an hour. A window is kept until an hour after its End and Keep. A subject that was
// moved leaves a mark for [store.ClosedFor]. Only a bucket that nothing refills is kept
// for ever, and a subject in the middle of a Move that was not repeated.
//
// A rare bucket is dropped when it is full. While the subject gets others, that happens
// soon after. If no more requests come, it happens by twice the time that the bucket
// takes to fill. If a subject has some 100,000 rare buckets, set lazyfree-lazy-expire on
// the server. Otherwise the server stops for some milliseconds when they expire together.
//
// Names and subjects are readable in the keys and values, whatever bytes they contain.
//
// The names of keys, plans, links and groups begin with "ration:directory:{ration}:".
// They are in one slot and never expire. Texts are UTF-8, as JSON has them.
//
// Security: Of a secret only the digest is stored. It is inside hashes, and in no key's
// name.
package redis
