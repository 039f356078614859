package admin

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// failures bounds how many wrong passwords an address may try. It has a token bucket for
// each of a fixed number of slots, so a flood of addresses takes no memory. Addresses
// that share a slot share its tokens. The seed keeps others from choosing such addresses.
type failures struct {
	seed  maphash.Seed
	burst time.Duration // the time in which all tokens come back
	pause time.Duration // the time of one token

	mu    sync.Mutex
	slots [4096]time.Time // when the bucket of the slot is full again
}

func newFailures(burst int, pause time.Duration) *failures {
	return &failures{seed: maphash.MakeSeed(), burst: time.Duration(burst) * pause, pause: pause}
}

// slot returns the slot of an address, which may have a port.
func (f *failures) slot(remote string) *time.Time {
	network := remote
	if a, err := netip.ParseAddrPort(remote); err == nil {
		addr := a.Addr().Unmap()
		if network = addr.String(); addr.Is6() {
			p, _ := addr.WithZone("").Prefix(64)
			network = p.String()
		}
	}
	return &f.slots[maphash.String(f.seed, network)%uint64(len(f.slots))]
}

// take takes a token before a password is compared, and reports whether there was one.
// Taken afterwards, many attempts at one time could pass with the last token.
func (f *failures) take(remote string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	full := f.slot(remote)
	if full.Before(now) {
		*full = now
	}
	if full.Add(f.pause).Sub(now) > f.burst {
		return false
	}
	*full = full.Add(f.pause)
	return true
}

// giveBack gives a token back, for a password that was right.
func (f *failures) giveBack(remote string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	full := f.slot(remote)
	*full = full.Add(-f.pause)
}

// wait returns the time until there is a token. It is 0 if there is one.
func (f *failures) wait(remote string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(0, f.slot(remote).Add(f.pause-f.burst).Sub(now))
}
