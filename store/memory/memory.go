// Package memory keeps counters, keys and plans in this process: the store for a service
// that runs once, for tests, and the yardstick of every other store.
//
// A decision takes one short lock and allocates nothing. Subjects are spread over shards;
// each shard has a mutex on a cache line of its own, an open-addressing index and
// accounts in slabs. Nothing runs in the background and there is nothing to close: before
// a shard grows it forgets what is spent. Memory is bounded by Config.MaxSubjects.
//
// A restart forgets everything, unless [Store.Save] writes it to a file and [Load] reads
// it.
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

// DefaultMaxSubjects is the bound of a Config that gives none.
const DefaultMaxSubjects = 1 << 20

// Config of a Store. The zero Config is ready for use.
type Config struct {
	// MaxSubjects is the most subjects that can have state at one time; zero or less:
	// DefaultMaxSubjects. One with a bucket, a quota and a usage record takes about 110
	// bytes, and 20 for each window that has ended and is still kept.
	//
	// When it is reached, a new subject takes the place of one that has nothing to lose:
	// every bucket full, every window past its Keep. If there is none, of one whose windows
	// have all ended, though their Keep has not (reports lose those windows, limits lose
	// nothing). If there is none either, the new subject gets an error that wraps
	// store.ErrFull. What is full, ended or past goes by the earlier of the charge's At and
	// the clock of this process.
	//
	// A clock of this process that is ahead, and is set back later, can make a full Store
	// forget a window that has not ended yet. A Store with room to spare keeps windows for
	// their Keep.
	MaxSubjects int
}

// Store is counters, keys and plans in memory: a store.Counter, store.Peeker and
// store.OneTaker, an apikey.Store, and a usageplan.Store, usageplan.AccessReader and
// usageplan.Notifier. Make one with New. Safe for concurrent use.
type Store struct {
	seed    maphash.Seed
	base    time.Time // where the buckets' clock starts
	epoch   int64     // base in Unix microseconds
	max     int64
	shards  []shard // a power of two; of a subject: the top bits of its hash, the low ones being for the shard's index
	shift   uint8   // of the hash to its shard
	layouts *layouts
	whole   store.OneTaker // by Take

	keys      keys
	plans     plans
	listeners usageplan.Listeners
	saving    sync.Mutex // one Save at a time: the last has the newest file

	subjects              atomic.Int64
	spent, ended, refused atomic.Int64
}

// New makes an empty Store.
func New(cfg Config) *Store {
	now := time.Now()
	s := &Store{seed: maphash.MakeSeed(), max: int64(cfg.MaxSubjects), layouts: newLayouts()}
	s.base = now.Add(-time.Duration(now.Nanosecond() % 1000)) // microseconds since are whole ones of the wall, too
	s.epoch = s.base.UnixMicro()
	if s.max <= 0 {
		s.max = DefaultMaxSubjects
	}
	// So many shards a processor make it rare that two wait for one, even while its owner
	// waits for memory.
	log := bits.Len(uint(64*runtime.GOMAXPROCS(0) - 1))
	s.shards, s.shift = make([]shard, 1<<log), uint8(64-log)
	s.whole = store.One(whole{s})
	empty := new(layout)
	for i := range s.shards {
		s.shards[i].store = s
		s.shards[i].index = make([]entry, 1)
		s.shards[i].nobody.layout = empty
	}
	return s
}

// Stats are counts since New, but for Subjects.
type Stats struct {
	Subjects int64 // that have state now
	Spent    int64 // subjects forgotten that had nothing to lose
	Ended    int64 // windows forgotten before their Keep had passed, to make room: reports miss them
	Refused  int64 // charges that found no room: store.ErrFull
}

// Stats reads the counts, each by itself.
func (s *Store) Stats() Stats {
	return Stats{s.subjects.Load(), s.spent.Load(), s.ended.Load(), s.refused.Load()}
}

// clock is the instant of a charge, for windows and for buckets, which refill in Unix
// microseconds that follow the monotonic reading where there is one. Without a caller's
// reading, buckets alone need only the half of the clock that is cheap to read, and at
// stays zero.
func (s *Store) clock(at time.Time, meters []store.Meter) (time.Time, int64) {
	if at.IsZero() {
		if !windowed(meters) {
			return at, s.micros(at)
		}
		at = time.Now()
	}
	return at, s.micros(at)
}

// micros is an instant by the buckets' clock; zero: now.
func (s *Store) micros(at time.Time) int64 {
	if at.IsZero() {
		return s.epoch + time.Since(s.base).Microseconds()
	}
	return s.epoch + at.Sub(s.base).Microseconds()
}

// set is by how much the wall's clock was set forward (back: less than zero) since New.
// The microseconds by which the two halves of one reading differ are nothing.
func (s *Store) set(now time.Time) time.Duration {
	return (time.Duration(now.UnixMicro()-s.micros(now)) * time.Microsecond).Round(time.Millisecond)
}

func windowed(meters []store.Meter) bool {
	for i := range meters {
		if meters[i].IsWindow() {
			return true
		}
	}
	return false
}
