package benchmarks

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"sync"
)

// subjects is the number of keys, unless the name of a benchmark says n=.
const subjects = 1 << 17

// names returns n keys of 21 bytes.
func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("customer-%012d", i)
	}
	return list
}

// order lists the indexes of the keys to use, one after the other. Each goroutine starts
// at a place of its own and goes round. The order is drawn before the clock starts,
// because a draw by Zipf's law takes longer than some decisions.
type order struct {
	visits []uint32

	// least returns the least number of distinct keys that one goroutine has seen after n
	// visits.
	least func(n int) int
}

// orders holds the orders by the names that benchmarks use.
var orders = map[string]func() order{
	"hot":    func() order { return order{[]uint32{0}, func(n int) int { return min(n, 1) }} },
	"spread": sync.OnceValue(func() order { return spread(subjects) }),
	"zipf":   sync.OnceValue(zipf),
}

// spread visits each of n keys once a round, in random order.
func spread(n int) order {
	return order{permutation(n), func(visits int) int { return min(visits, n) }}
}

// zipf uses the k-th most popular key about 1/k^1.1 as often as the first. Popular keys
// do not lie side by side in memory.
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

// set holds which keys were seen, one bit for each key.
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
