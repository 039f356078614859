// Package memory keeps counters, API keys, usage plans and groups in memory.
//
// Use it in a service that runs as one process, and in tests. Every other store is
// measured against it.
//
// A decision takes one short lock and allocates nothing. Subjects are spread over shards.
// Each shard has a mutex on a cache line of its own, an open-addressing index, and
// accounts in slabs. There is no background goroutine and nothing to close: a shard
// evicts spent subjects before it grows. Config.MaxSubjects bounds the memory.
//
// A restart loses all state, unless [Store.Save] writes it to a file and [Load] reads it.
package memory

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// DefaultMaxSubjects is the default of Config.MaxSubjects.
const DefaultMaxSubjects = 1 << 20

// Config configures a Store. The zero Config is ready for use.
type Config struct {
	// MaxSubjects is the largest number of subjects that have state at one time. If it is
	// zero or less, the default is DefaultMaxSubjects. A subject with a bucket, a quota and
	// a usage record takes about 110 bytes. One with more meters, such as a bucket and four
	// windows, or two buckets and four windows, takes 130 bytes more. One with up to 35
	// numbers of state (three for a bucket, one for a window) takes 320 bytes more. Each
	// window that has ended and is still kept takes 20 bytes.
	//
	// When the Store is full, a new subject replaces another one:
	//
	//   - First, a subject that has nothing to lose: every bucket is full and every window
	//     is past its Keep.
	//   - Otherwise, a subject whose buckets are full and whose windows have all ended,
	//     though their Keep has not. Reports lose those windows. Limits lose nothing.
	//   - Otherwise, none. The new subject gets an error that wraps store.ErrFull.
	//
	// The Store judges other subjects by the earlier of the charge's At and the clock of
	// this process.
	//
	// Caution: if the clock of this process is ahead and is set back later, a full Store may
	// already have evicted a window that has not ended yet. A Store with room to spare keeps
	// windows for their Keep.
	MaxSubjects int
}

// A Store holds counters, keys, plans and groups in memory. It implements store.Counter,
// store.Peeker, store.OneTaker, store.ListTaker and store.Dumper, apikey.Store, and
// usageplan.Store, usageplan.GroupStore, usageplan.AccessReader and usageplan.Notifier.
//
// Use New to create one. A Store is safe for concurrent use.
type Store struct {
	seed  maphash.Seed
	base  time.Time // the start of the buckets' clock
	epoch int64     // base in Unix microseconds
	max   int64     // Config.MaxSubjects

	// The top bits of a subject's hash choose its shard, and the low bits its place in the
	// shard's index. If both used the same bits, a shard would fill only a part of its
	// index.
	shards []shard // a power of two
	shift  uint8   // a hash shifted right by so many bits is the number of its shard

	layouts  *layouts
	slowPath store.OneTaker // TakeOne by way of Take

	keys      keys
	plans     plans
	listeners usageplan.Listeners

	// saving admits one Save at a time. The Save that ends last then leaves the newest
	// state.
	saving sync.Mutex

	// moving is locked while Save copies the counters, shard after shard. Meanwhile no
	// subject moves from one shard to another: the file would have its state twice, or not
	// at all.
	moving sync.RWMutex

	subjects              atomic.Int64
	spent, ended, refused atomic.Int64 // see Stats
}

// shardsPerProcessor makes it rare that two goroutines wait for one shard, even while the
// goroutine that has the shard waits for memory.
const shardsPerProcessor = 64

// New returns an empty Store.
func New(cfg Config) *Store {
	now := time.Now()
	s := &Store{seed: maphash.MakeSeed(), max: int64(cfg.MaxSubjects), layouts: newLayouts()}
	if s.max <= 0 {
		s.max = DefaultMaxSubjects
	}

	// base is a whole microsecond of the wall clock. A number of microseconds since base
	// then stands for a whole microsecond of the wall clock too.
	s.base = now.Add(-time.Duration(now.Nanosecond() % 1000))
	s.epoch = s.base.UnixMicro()

	log := bits.Len(uint(shardsPerProcessor*runtime.GOMAXPROCS(0) - 1))
	s.shards = make([]shard, 1<<log)
	s.shift = uint8(64 - log)
	empty := new(layout)
	for i := range s.shards {
		s.shards[i].store = s
		s.shards[i].index = make([]entry, 1)
		s.shards[i].unknown.layout = empty
	}
	s.slowPath = store.One(slowPath{s})
	return s
}

// Stats are the figures of a Store. All of them but Subjects count since New.
type Stats struct {
	Subjects int64 // subjects that have state now, and closed ones (see store.Move)
	Spent    int64 // evicted subjects that had nothing to lose
	Ended    int64 // windows evicted before their Keep had passed; reports miss them
	Refused  int64 // charges refused with store.ErrFull
}

// Stats returns the figures of the Store. It reads each one on its own, so that together
// they may not belong to one instant.
func (s *Store) Stats() Stats {
	return Stats{s.subjects.Load(), s.spent.Load(), s.ended.Load(), s.refused.Load()}
}

// Local implements store.Local and returns true: a Store never waits for I/O.
func (s *Store) Local() bool { return true }
