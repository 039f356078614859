package benchmarks

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"sync"
)

// subjects is how many keys there are, unless a name says n=.
const subjects = 1 << 17

// names is n keys of 21 bytes.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("customer-%012d", i)
	}
	return list
}

// order is which of the keys are asked for, in turn, as indexes; each goroutine goes round it from a place of its own. It
// is drawn before the clock starts, because drawing by Zipf's law takes longer than some decisions.
type order struct {
	visits []uint32

	// least is how many distinct keys one goroutine has seen after n visits, at the least.
	least func(n int) int
}

// orders are by the names that benchmarks give them.
var orders = map[string]func() order{
	"hot":    func() order { return order{[]uint32{0}, func(n int) int { return min(n, 1) }} },
	"spread": sync.OnceValue(func() order { return spread(subjects) }),
	"zipf":   sync.OnceValue(zipf),
}

// spread visits each of n keys once a round, in random order.
func spread(n int) order {
	return order{permutation(n), func(visits int) int { return min(visits, n) }}
}

// zipf asks for the k-th most popular key about 1/k^1.1 as often as for the first. Popular ones do not lie side by side.
func zipf() order {
	rnd := rand.New(rand.NewPCG(1, 2))
	law := rand.NewZipf(rnd, 1.1, 1, subjects-1)
	popular := permutation(subjects)
	visits := make([]uint32, 1<<20)
	for i := range visits {
		visits[i] = popular[law.Uint64()]
	}
	return order{visits, func(n int) int { return min(n, subjects/2) / 8 }}
}

func permutation(n int) []uint32 {
	list := make([]uint32, n)
	for i := range list {
		list[i] = uint32(i)
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// set is which keys were seen, a bit each.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i uint32) { s[i/64] |= 1 << (i % 64) }

func (s set) has(i uint32) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s set) merge(other set) {
	for i := range s {
		s[i] |= other[i]
	}
}

func (s set) len() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}
