// Package lease gives a store that processes share the speed of local memory, and keeps
// its limits hard.
//
// A Counter takes units from an inner Counter in blocks: they are paid before they are
// spent, and spent in this process. So a hot key costs the shared store some hundred
// calls a second, however many requests it has:
//
//	shared, err := redis.Open("redis://localhost", redis.Config{})
//	...
//	counter, err := lease.New(shared, lease.Config{})
//	...
//	defer counter.Close(ctx) // gives back what was not spent
//
// # What is promised
//
// A quota is never exceeded, by any number of processes, and whatever fails: a unit is
// spent only if the inner Counter has said that it is paid, and it is given back at most
// once.
//
// Of a rate, at most B + R*T + N*q units are admitted in any time T. B is the burst, R
// the rate, and N the number of processes. q is the most that one process holds of a
// bucket: a sixteenth of the burst, and at most Config.Units.
//
// A quota can be used up entirely. Blocks shrink near a limit, and the last units are
// charged one by one, exactly. A process that crashes strands what it held, at most a
// sixteenth of what remained, until the window ends.
//
// A settlement whose answer is lost happens once or not at all. The Counter asks later
// which it was, for half an hour at least, and until then does not spend its units. It
// does not ask if only buckets are settled, since they refill.
// A caller's own charge is not asked for. Near a limit, such a charge may settle what is
// leased as well. Then that is lost with its answer.
//
// A limit that has room for less than 64 charges is not leased: its charges are exact.
//
// Usage records and soft quotas refuse nothing. They are charged after the units are
// spent, by what was spent. A process that crashes loses what it has not yet charged.
// Soft limits say within Config.Life whether they would have refused. The last instant at
// which units were taken is right within it, too. IDs of requests are never leased.
//
// What one process does is seen by the others within Config.Life: a charge as soon as its
// block is paid, a refund, and an extension. This process sees its own charges at once. A
// refusal is remembered until the computed retry, and at most for a second. It is
// forgotten when units are given back through this Counter, or when the limit changes.
//
// If the inner Counter fails, units that are leased are spent until Config.Life after its
// last answer. Then charges return its error. Units that come back later are not spent.
// When it is back, nothing is spent twice, and nothing is charged again.
//
// A charge of usage records and soft quotas alone takes no leased units. It is still
// decided here while the inner Counter fails, if its subject has an account, and it is
// charged when the inner Counter is back.
//
// # How it works
//
// A subject that is charged a few times within 20ms is hot, and gets an account. All
// others are charged exactly, by one call each. An account knows how many units of each
// meter are paid and not spent here. A charge is decided here if every unit that it takes
// is, and otherwise by the inner Counter: never half here and half there.
//
// A settlement pays the next block of an account, charges what was spent of its records,
// and gives back what is too much, by one charge. It begins when half of a block is
// spent. There is one at a time for a subject. Charges of an account that go to the inner
// Counter wait for it, and it waits for them. So the levels of every answer are of one
// instant between the beginning and the end of the call.
//
// What other processes have used shows from a later instant on, and not at the same one
// for all subjects of a charge.
//
// There is one exception, if the inner Counter is far away. A charge that also names a
// cold subject does not wait. The level of the cold subject may then be of an earlier
// instant than the others. No limit depends on that.
//
// The inner Counter may have a refund before a charge, and answer it after the charge.
// Until then the levels lack the refund. So the Used of a bucket may be above its Max for
// the time of one call.
//
// A block lasts for Config.Block at the rate at which units are spent, or for four round
// trips if that is longer. No goroutine and no timer runs while no subject is hot.
package lease
