package gate

import (
	"cmp"
	"iter"

	"github.com/ration-go/ration/usageplan"
)

// Tightest returns the limit that describes a decision best, if only one can be shown,
// such as in the X-RateLimit fields. It is the limit that refused with the longest wait,
// or else the one with the least remaining. Soft limits are left out. It returns false if
// there is no limit.
//
// What remains of two units cannot be compared. So a limit of another unit than requests
// is returned only if nothing remains of it, or if there is no limit of requests.
//
// The levels are those of an Outcome, such as Levels and GroupLevels.
func Tightest(levels ...iter.Seq[Level]) (tight Level, found bool) {
	for _, seq := range levels {
		for l := range seq {
			if !l.Soft && (!found || tighter(&l, &tight)) {
				tight, found = l, true
			}
		}
	}
	return tight, found
}

// tighter reports whether a is to be shown instead of b.
func tighter(a, b *Level) bool {
	return 0 > cmp.Or(-cmp.Compare(a.Wait, b.Wait), cmp.Compare(rank(a), rank(b)),
		cmp.Compare(a.Remaining(), b.Remaining()), -cmp.Compare(a.Reset, b.Reset))
}

// rank returns 0 for a limit with nothing remaining, 1 for another limit of requests, and
// 2 for the rest.
func rank(l *Level) int {
	switch {
	case l.Remaining() == 0:
		return 0
	case l.Unit == usageplan.Requests:
		return 1
	}
	return 2
}
