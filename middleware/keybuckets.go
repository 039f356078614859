package middleware

import (
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// keyBuckets has a token bucket for each key, in bounded memory.
//
// The buckets are in two maps. After the time in which an empty bucket fills up, the old
// map has only full buckets, and a full bucket is as good as none. So the young map
// becomes the old one, and the old one is dropped. A flood of more than maxBuckets keys
// within that time turns the maps early. Then some keys may ask more often.
type keyBuckets struct {
	meter store.Meter
	fill  time.Duration
	began time.Time // the buckets' clock counts from it, and no set wall clock disturbs it

	mu         sync.Mutex
	young, old map[string]store.Bucket
	turned     time.Time
}

// maxBuckets bounds each of the two maps. An entry takes about 100 bytes.
const maxBuckets = 1 << 14

// newKeyBuckets returns buckets with the figures of m.
func newKeyBuckets(m store.Meter) *keyBuckets {
	fill := float64(m.Max) * float64(m.Rate.Per) / float64(m.Rate.Tokens) // µs
	return &keyBuckets{
		meter: m,
		fill:  time.Duration(min(fill, float64(store.MaxUnits)/1e3)*1e3) + 1,
		began: time.Now(),
	}
}

// take takes a token of a key. It returns zero, or how long the key has to wait for one.
// A nil keyBuckets has a token for everybody.
func (b *keyBuckets) take(key string, now time.Time) (wait time.Duration) {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, ok := b.young[key]
	if !ok {
		b.turn(now)
		bucket = b.old[key]
	}
	next, level, ok := bucket.Take(&b.meter, now.Sub(b.began).Microseconds(), 1)
	if !ok {
		return level.Wait
	}
	b.young[key] = next
	return 0
}

// turn makes the young map the old one if it is time for that.
func (b *keyBuckets) turn(now time.Time) {
	if b.young == nil || now.Sub(b.turned) > b.fill || len(b.young) >= maxBuckets {
		b.old, b.young, b.turned = b.young, map[string]store.Bucket{}, now
	}
}
