package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var subjectPromises = []promise{{
	name: "subject/apart",
	says: "Subjects never affect one another.",
	story: []step{
		take(2, rate, quota, calls).as("a").yes(2, 2, 2),
		take(1, rate, quota, calls).as("b").yes(1, 1, 1),
		take(1, rate, quota, calls).as("a").no(2, 2, 2),
		set(9, quota).as("b").yes(1).outof(10),
		give(1, rate, quota, calls).as("a").yes(1, 1, 1),
		take(3, quota).as("a").no(1),
		take(1, daily(1, 3)).as("b").yes(1),
		read(rate, quota, calls).as("a").yes(1, 1, 1),
		read(rate, quota, calls).as("b").yes(1, 1, 1).outof(2, 10, store.Unlimited),
		read(rate, quota, calls).as("c").yes(0, 0, 0),
	},
}, {
	name: "subject/any-bytes",
	says: "Subjects and names are any bytes. No two pairs are ever confused, whatever characters they contain.",
	test: anyBytes,
}, {
	name: "subject/place",
	says: "A Place is a hint. The place of another subject or of another time, or any other number, changes no answer.",
	test: func(t *trial) {
		t.c = newMisplaced(t.c)
		for i := range int64(300) {
			used := 1 + i/3
			t.play(take(1, bucket("rate", 100, store.Rate{}), use(0)).as(fmt.Sprint("subject ", i%3)).yes(used, used))
		}
		newPlay(t, 200).run(300)
	},
}, {
	name: "subject/crowd",
	says: "Other subjects that come and go cost a subject nothing: no token, no use, no extension, and no window " +
		"within its Keep.",
	test: crowd,
}}

// misplaced is a counter that passes on a Place that it returned earlier, for any
// subject, or a random number.
type misplaced struct {
	store.Counter
	places []uint64
	rnd    *rand.Rand
}

func newMisplaced(c store.Counter) *misplaced {
	return &misplaced{Counter: c, rnd: rand.New(rand.NewPCG(1, 2))}
}

func (m *misplaced) Take(ctx context.Context, c *store.Charge) error {
	for i := range c.Parts {
		c.Parts[i].Place = m.place()
	}
	err := m.Counter.Take(ctx, c)
	for i := range c.Parts {
		m.places = append(m.places, c.Parts[i].Place)
	}
	m.places = m.places[max(0, len(m.places)-100):]
	return err
}

func (m *misplaced) place() uint64 {
	if len(m.places) == 0 || m.rnd.IntN(4) == 0 {
		return m.rnd.Uint64() >> m.rnd.IntN(64)
	}
	return m.places[m.rnd.IntN(len(m.places))]
}

// oddities are texts that a store may confuse when it joins, escapes, tags or folds them.
var oddities = func() []string {
	odd := []string{
		"a", "b", "ab", "bb", "A", "a ", " a", "aa", "0", "00", "-1", "é", "e\u0301", "\xff\xfe", "\xff", "\xfe\xff",
		"{a}", "{a}b", "{a", "a}", "{}", "}{", "{a}:past", "a:past", "%7Ba%7D", "%257Ba%257D", `\x00`, `a\`, "*", "a\r\n",
		strings.Repeat("x", store.MaxName), strings.Repeat("x", store.MaxName-1), strings.Repeat("\x00", store.MaxName),
	}
	for _, separator := range []string{":", "/", "|", ",", ";", ".", "-", "_", "#", "%", "\x00", "\n", `"`, "{", "}"} {
		odd = append(odd, "a"+separator, separator+"b", "a"+separator+"b", separator)
	}
	slices.Sort(odd)
	return slices.Compact(odd)
}()

// anyBytes charges every pair of a subject and a name with a different number of units,
// then reads them all.
func anyBytes(t *trial) {
	subjects := slices.Concat(oddities, []string{strings.Repeat("x", store.MaxSubject), strings.Repeat("x", store.MaxSubject-1)})
	var meters []store.Meter
	for i, name := range oddities {
		if i%2 == 0 {
			meters = append(meters, bucket(name, 100_000, store.Rate{}))
		} else {
			meters = append(meters, window(name, 100_000, 0, day))
		}
	}
	meters = t.meters(meters...)
	count := int64(0)
	for _, subject := range subjects {
		for some := range slices.Chunk(meters, store.MaxMeters) {
			c := &store.Charge{At: t.at(), Parts: []store.Part{store.NewPart(subject, 0, some...)}}
			for i := range some {
				count++
				c.Parts[0].N[i] = count
			}
			if t.take(c); !c.OK {
				t.failf("%s: refused", about(c))
			}
		}
	}
	levels := make([]store.Level, len(subjects)*len(meters))
	if err := store.Peek(t.ctx, t.c, t.at(), subjects, meters, levels, nil); err != nil {
		t.failf("%s returned the error %q, want none", t.byPeek(), err)
	}
	for i, l := range levels {
		if want := int64(i) + 1; l.Used != want {
			t.failf("subject %.40q, name %.40q: used %d, want %d", subjects[i/len(meters)], meters[i%len(meters)].Name, l.Used, want)
		}
	}
}

// crowd charges a thousand other subjects whose state soon expires, so that a store that
// evicts has reason to.
func crowd(t *trial) {
	t.play(
		take(50, bucket("rate", 100, store.Rate{})).yes(50),
		take(3, daily(0, 3), use(0)).yes(3, 3),
		take(2, window("quota", 5, 0, time.Minute), window("quota-2", 5, 0, day)).yes(2, 2),
		take(1, window("quota", 5, 0, day)).yes(3),
		set(6, window("quota-2", 5, 0, day)).yes(2).outof(8),
		later(day+12*time.Hour),
		take(1, daily(1, 3), use(1)).yes(1, 1),
	)
	for wave := range 2 {
		t.later(2 * time.Second)
		brief := window("brief", 3, t.now.Truncate(time.Second), t.now.Truncate(time.Second)+time.Second)
		brief.Keep = 0
		for i := range 500 {
			who := fmt.Sprint("visitor ", wave, i)
			t.play(take(1, brief, bucket("rate", 10, store.Rate{Tokens: 10, Per: 1_000_000})).as(who).yes(1, 1))
		}
	}
	t.play(
		take(51, bucket("rate", 100, store.Rate{})).no(50),
		give(1, daily(0, 3), use(0)).yes(2, 2),
		read(daily(1, 3), use(1)).yes(1, 1),
		read(window("quota", 5, 0, day), window("quota-2", 5, 0, day)).yes(3, 2).outof(5, 8),
	)
}
