package admin

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// maxNetworks bounds the networks that attempts remembers. Those that are refused take
	// most of a minute to be forgotten, so a flood has to come from as many networks before
	// it gets more tries than it would have by itself.
	maxNetworks = 1 << 13

	// A network has one line in the log for each logInterval, and all networks together
	// have at most maxLines.
	logInterval = time.Minute
	maxLines    = 60
)

// attempts bounds how many wrong passwords a network may try, and how often they are
// logged. It has a token bucket for each network that failed lately.
//
// If there are too many networks, one is forgotten, and gets its tokens back. The other
// way would refuse people on networks that have tried nothing.
type attempts struct {
	burst time.Duration // the time in which all tokens come back
	pause time.Duration // the time of one token

	mu       sync.Mutex
	networks map[string]network
	lines    int       // that were logged since began
	began    time.Time // when lines was last 0
}

// A network is what is known of the attempts of one network.
type network struct {
	full     time.Time // when the bucket is full again
	logged   time.Time // the last line
	unlogged int64     // attempts that failed since then
}

func newAttempts(burst int, pause time.Duration) *attempts {
	return &attempts{burst: time.Duration(burst) * pause, pause: pause, networks: map[string]network{}}
}

// networkOf returns the network of an address, which may have a port.
func networkOf(remote string) string {
	a, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	addr := a.Addr().Unmap()
	if addr.Is4() {
		return addr.String()
	}
	p, _ := addr.WithZone("").Prefix(64)
	return p.String()
}

// take takes a token before a password is compared, and reports whether there was one.
// Taken afterwards, many attempts at one time could pass with the last token.
func (a *attempts) take(from string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.networks[from]
	if n.full.Before(now) {
		n.full = now
	}
	if n.full.Add(a.pause).Sub(now) > a.burst {
		return false
	}
	n.full = n.full.Add(a.pause)
	a.put(from, n, now)
	return true
}

// giveBack gives a token back, for a password that was right.
func (a *attempts) giveBack(from string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, known := a.networks[from]
	if !known {
		return
	}
	n.full = n.full.Add(-a.pause)
	if n.idle(now) {
		delete(a.networks, from)
		return
	}
	a.networks[from] = n
}

// wait returns the time until there is a token. It is 0 if there is one.
func (a *attempts) wait(from string, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return max(0, a.networks[from].full.Add(a.pause-a.burst).Sub(now))
}

// fail notes an attempt that failed. If a line is due, it returns how many attempts of
// the network the line tells of, and otherwise 0.
func (a *attempts) fail(from string, now time.Time) (tell int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.networks[from]
	n.unlogged++
	if now.Sub(n.logged) >= logInterval && a.mayLog(now) {
		tell, n.unlogged, n.logged = n.unlogged, 0, now
	}
	a.put(from, n, now)
	return tell
}

// mayLog reports whether one more line may be logged, and counts it.
func (a *attempts) mayLog(now time.Time) bool {
	if now.Sub(a.began) >= logInterval {
		a.began, a.lines = now, 0
	}
	a.lines++
	return a.lines <= maxLines
}

// put remembers a network. If there are too many, put first looks at some others. It
// forgets those that are idle. If none is, it forgets the one with the fullest bucket.
func (a *attempts) put(from string, n network, now time.Time) {
	if _, known := a.networks[from]; !known && len(a.networks) >= maxNetworks {
		a.makeRoom(now)
	}
	a.networks[from] = n
}

func (a *attempts) makeRoom(now time.Time) {
	const sample = 16
	seen, fullest := 0, ""
	for other, n := range a.networks { // in random order
		if n.idle(now) {
			delete(a.networks, other)
		} else if fullest == "" || n.full.Before(a.networks[fullest].full) {
			fullest = other
		}
		if seen++; seen == sample {
			break
		}
	}
	if len(a.networks) >= maxNetworks {
		delete(a.networks, fullest)
	}
}

// idle reports whether a network is as one that has tried nothing.
func (n *network) idle(now time.Time) bool {
	return !n.full.After(now) && now.Sub(n.logged) >= logInterval
}
