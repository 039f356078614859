package alert

import (
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/ration-go/ration/gate"
)

// manyShards is over how many locks the windows are spread, unless they are few.
const manyShards = 64

// windows remembers which thresholds have fired.
type windows struct {
	seed   maphash.Seed
	shards []shard
	most   int // windows of a shard
}

type shard struct {
	mu      sync.Mutex
	fired   map[window]int // the highest threshold that has fired
	nextEnd int64          // no window here ends before it, in Unix seconds
	_       [64]byte       // keeps the locks of two shards on different cache lines
}

// A window is one window of a quota with one allowance. Windows are told apart as Events
// are: see eventID. Start and end are in Unix seconds.
type window struct {
	subject, limit, unit string
	start, end, max      int64
}

func newWindows(most int) windows {
	n := 1
	if most >= 16*manyShards {
		n = manyShards
	}
	ws := windows{seed: maphash.MakeSeed(), shards: make([]shard, n), most: most / n}
	for i := range ws.shards {
		ws.shards[i].fired = map[window]int{}
		ws.shards[i].nextEnd = math.MaxInt64
	}
	return ws
}

// fire calls queue with each threshold that r has reached and that has not fired, in
// ascending order. If queue returns false, a later decision fires the rest.
//
// fire reports whether it remembers the window. If there is no room for it, fire calls
// queue only with the thresholds that this decision has crossed. Otherwise every later
// decision would fire them again.
func (ws *windows) fire(r *gate.Reached, queue func(threshold int) bool) (tracked bool) {
	key := window{counted(r.Subject), r.Name, r.Unit, r.Start.Unix(), r.End.Unix(), r.Max}
	s := &ws.shards[maphash.String(ws.seed, key.subject)%uint64(len(ws.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.fired[key]
	tracked = known || s.hasRoom(ws.most)
	last := was
	for _, t := range r.Thresholds {
		if t <= last || !tracked && r.AtLeast(t) && !r.Crossed(t) {
			continue
		}
		if !r.AtLeast(t) || !queue(t) {
			break
		}
		last = t
	}
	if tracked && last > was {
		s.fired[key] = last
		s.nextEnd = min(s.nextEnd, key.end)
	}
	return tracked
}

// hasRoom reports whether there is room for another window. It forgets the windows that
// have ended only if there is none, and if one has ended.
func (s *shard) hasRoom(most int) bool {
	if len(s.fired) < most {
		return true
	}
	now := time.Now().Unix()
	if now < s.nextEnd {
		return false
	}
	s.nextEnd = math.MaxInt64
	for key := range s.fired {
		if key.end <= now {
			delete(s.fired, key)
		} else {
			s.nextEnd = min(s.nextEnd, key.end)
		}
	}
	return len(s.fired) < most
}

// len returns how many windows are remembered.
func (ws *windows) len() (n int) {
	for i := range ws.shards {
		s := &ws.shards[i]
		s.mu.Lock()
		n += len(s.fired)
		s.mu.Unlock()
	}
	return n
}
