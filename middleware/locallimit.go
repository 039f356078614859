package middleware

import (
	"time"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// localLimit counts in this process for a limiter whose Counter fails.
type localLimit struct {
	of      limiter.Limit
	buckets *keyBuckets
}

// takeLocal takes a token of a key. It returns zero, or how long the key has to wait for
// one. After the limit has changed, all buckets are full.
func (l *keyedLimit) takeLocal(key string, now time.Time) time.Duration {
	limit := l.Limiter.Limit()
	if limit.Unlimited() {
		return 0
	}
	meter, err := limit.Meter(l.Limiter.Name())
	if err != nil || meter.Max == 0 || meter.Rate.Tokens == 0 {
		return store.Never
	}
	local := l.local.Load()
	if local == nil || local.of != limit {
		fresh := &localLimit{limit, newKeyBuckets(meter)}
		if l.local.CompareAndSwap(local, fresh) {
			local = fresh
		} else {
			local = l.local.Load() // of another caller
		}
	}
	return local.buckets.take(key, now)
}
