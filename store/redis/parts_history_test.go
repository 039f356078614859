package redis

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// historyServer is what a history runs on.
type historyServer struct {
	store *Store
	setAt func(now time.Time) // moves the server's clock; nil if it is a real one
	apart bool                // charges over several families fail
	slack time.Duration
}

// TestPartsHistories compares the store with the model over random histories: several
// parts and families, subjects that charges share, soft meters, refunds, SetRemaining,
// rare buckets, windows that roll, and moves. Several decisions share a call.
func TestPartsHistories(t *testing.T) {
	t.Parallel()
	onMini := func(cfg Config) func(t *testing.T) historyServer {
		return func(t *testing.T) historyServer {
			server := longLived(t)
			s, err := New(single(t, server.Addr()), cfg)
			require.NoError(t, err)
			return historyServer{store: s, apart: cfg.Separate, setAt: miniClock(server)}
		}
	}
	onRedis := func(name string) func(t *testing.T) historyServer {
		return func(t *testing.T) historyServer {
			client := dial(t, redistest.Start(t))
			clock := clock{client: client}
			s := newStore(t, client, withClock(t, allScripts(t)[name]))
			return historyServer{store: s, setAt: func(now time.Time) { clock.set(t, now) }}
		}
	}
	for _, test := range []struct {
		name      string
		histories uint64
		start     func(t *testing.T) historyServer
	}{
		{"miniredis", 2, onMini(Config{})},
		{"miniredis,separate", 2, onMini(Config{Separate: true})},
		{"redis,clock=moved,struct=yes", 12, onRedis("struct=yes")},
		{"redis,clock=moved,struct=no", 2, onRedis("struct=no")},
		{"redis", 6, func(t *testing.T) historyServer {
			return historyServer{store: newStore(t, dial(t, redistest.Start(t)), decisionScripts), slack: time.Minute}
		}},
		{"cluster", 6, func(t *testing.T) historyServer {
			return historyServer{store: newStore(t, cluster(t), decisionScripts), slack: time.Minute, apart: true}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if longtest.Enabled() {
				test.histories *= 20
			}
			server := test.start(t)
			var admitted, refused, moved int
			for seed := range test.histories {
				h := newPartsHistory(t, server, seed)
				for step := range 300 {
					h.step(step)
				}
				admitted, refused, moved = admitted+h.admitted, refused+h.refused, moved+h.movedOn
			}
			histories := int(test.histories)
			require.Greater(t, admitted, 100*histories, "too few were admitted to show much")
			require.Greater(t, refused, 20*histories, "too few were refused to show much")
			require.Greater(t, moved, 2*histories, "too few moved to show much")
		})
	}
}

// miniClock returns a function that moves the clock of a miniredis, forward only.
func miniClock(server *miniredis.Miniredis) func(now time.Time) {
	var last time.Time
	return func(now time.Time) {
		server.SetTime(now)
		if !last.IsZero() && now.After(last) {
			server.FastForward(now.Sub(last))
		}
		last = now
	}
}

type partsHistory struct {
	historyServer
	t      *testing.T
	seed   uint64
	rnd    *rand.Rand
	ref    *model
	now    time.Time
	meters map[string][]store.Meter // of each subject, the windows without their bounds
	fresh  int                      // how many subjects and ids were new

	admitted, refused, movedOn int
}

func newPartsHistory(t *testing.T, server historyServer, seed uint64) *partsHistory {
	h := &partsHistory{
		historyServer: server, t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 3)), ref: newModel(),
		now: time.Unix(1_790_000_000, 0), meters: map[string][]store.Meter{},
	}
	h.ref.apart = server.apart
	if server.setAt == nil {
		h.now = time.Now()
	} else {
		flushed(t, server.store.link.Load().client)
		server.setAt(h.now)
	}
	return h
}

// step lets time pass, makes one to twelve charges in one call, and compares the answers.
func (h *partsHistory) step(step int) {
	h.t.Helper()
	h.pass()
	var charges []*store.Charge
	for range 1 + h.rnd.IntN(2)*h.rnd.IntN(12) {
		c := h.next()
		if len(charges) == 0 || c.Op != store.Move {
			charges = append(charges, c)
		}
		if c.Op == store.Move {
			break
		}
	}
	wants := make([]*store.Charge, len(charges))
	wantErrs := make([]error, len(charges))
	for i, c := range charges {
		wants[i] = clone(c)
		wantErrs[i] = h.ref.take(wants[i], h.now.UnixMicro())
	}
	errs := h.take(charges)
	for i, c := range charges {
		about := fmt.Sprintf("seed %d, step %d, charge %d of %d: %s", h.seed, step, i, len(charges), describe(c))
		h.compare(about, c, errs[i], wants[i], wantErrs[i])
	}
}

// pass lets time pass: mostly little, sometimes so much that windows roll.
func (h *partsHistory) pass() {
	if h.setAt == nil {
		h.now = time.Now()
		return
	}
	switch h.rnd.IntN(6) {
	case 0:
		h.now = h.now.Add(time.Duration(h.rnd.Int64N(int64(10 * time.Hour))).Truncate(time.Microsecond))
	case 1, 2:
		h.now = h.now.Add(time.Duration(h.rnd.Int64N(int64(30 * time.Second))).Truncate(time.Microsecond))
	}
	h.setAt(h.now)
}

// take makes the charges: in one call if there are several, or if chance says so.
func (h *partsHistory) take(charges []*store.Charge) []error {
	errs := make([]error, len(charges))
	s := h.store
	if charges[0].Op == store.Move || len(charges) == 1 && h.rnd.IntN(2) == 0 || h.apart {
		for i, c := range charges {
			errs[i] = s.Take(h.t.Context(), c)
		}
		return errs
	}
	b := newBatch(nil, s.link.Load(), &s.scripts)
	for _, c := range charges {
		b.waiters = append(b.waiters, &waiter{request: s.request(c, c.At), done: make(chan struct{}, 1)})
	}
	all := slices.Clone(b.waiters)
	b.call()
	b.deliver()
	for i, c := range charges {
		if errs[i] = asMoved(c, all[i].err); errs[i] == nil {
			errs[i] = decodeReply(c, c.At, all[i].reply)
		}
	}
	return errs
}

func (h *partsHistory) compare(about string, got *store.Charge, err error, want *store.Charge, wantErr error) {
	t := h.t
	t.Helper()
	if wantErr != nil {
		var moved, wantMoved *store.MovedError
		require.Error(t, err, about)
		require.ErrorIs(t, err, store.ErrNotTaken, about)
		require.Equal(t, errors.Is(wantErr, store.ErrApart), errors.Is(err, store.ErrApart), about)
		require.Equal(t, errors.Is(wantErr, store.ErrInvalid), errors.Is(err, store.ErrInvalid), about)
		require.Equal(t, errors.As(wantErr, &wantMoved), errors.As(err, &moved), about)
		require.Equal(t, wantMoved, moved, about)
		return
	}
	require.NoError(t, err, about)
	require.Equal(t, want.OK, got.OK, about)
	switch {
	case got.Op == store.Move:
		h.movedOn++
		if meters := h.meters[got.Parts[0].Subject]; meters != nil {
			h.meters[got.Parts[1].Subject] = meters // the state belongs to these figures
		}
	case got.OK:
		h.admitted++
	default:
		h.refused++
	}
	for i := range got.Parts {
		for j, l := range got.Parts[i].Levels {
			w := want.Parts[i].Levels[j]
			if h.slack > 0 && !got.Parts[i].Meters[j].IsWindow() {
				require.InDelta(t, w.Wait, l.Wait, float64(h.slack), about)
				require.InDelta(t, w.Reset, l.Reset, float64(h.slack), about)
				w.Wait, w.Reset = l.Wait, l.Reset
			}
			require.Equal(t, w, l, "%s: level of parts[%d].meters[%d], %+v", about, i, j, got.Parts[i].Meters[j])
		}
	}
}

var (
	historySubjects = []string{"f", "f>a", "f>b", "f>k1", "f>k2", "f>k3", "g}", "g}>a", "g}>k%"}
	historyBuckets  = []store.Meter{
		{Name: "rate", Max: 20, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}},
		{Name: "rate", Max: 7},
		{Name: "rate", Max: 100, Rate: store.Rate{Tokens: 7, Per: 3_000_000}},
		{Name: "rate", Max: 1 << 30, Rate: store.Rate{Tokens: 3_456_789, Per: 1_000_000}},
		{Name: "rate", Max: 0},
	}
	historyStill = 2 // of them do not refill during a test with a real clock
)

// metersOf returns the meters of a subject, by the clock at. Its figures do not change.
func (h *partsHistory) metersOf(subject string, at time.Time) (all []store.Meter) {
	if h.meters[subject] == nil {
		buckets := historyBuckets
		if h.setAt == nil {
			buckets = buckets[:historyStill]
		}
		rate, other := buckets[h.rnd.IntN(len(buckets))], buckets[h.rnd.IntN(len(buckets))]
		other.Name, other.Soft = "other\n", h.rnd.IntN(2) == 0
		most := []int64{0, 3, 10, 50, 50, 1000, store.MaxUnits - 3}
		h.meters[subject] = []store.Meter{
			rate, {Name: "day", Max: most[h.rnd.IntN(len(most))]}, {Name: "use", Max: store.Unlimited},
			{Name: "minute", Max: most[h.rnd.IntN(len(most))]}, {Name: "soft", Max: most[h.rnd.IntN(len(most))], Soft: true}, other,
		}
	}
	for _, m := range h.meters[subject] {
		length := int64(0)
		switch m.Name {
		case "day", "use", "soft":
			length = 86400
		case "minute":
			length = 60
		}
		if length > 0 {
			ago := int64(max(h.rnd.IntN(20)-17, 0)) // sometimes a window that has ended
			m.Start = (at.Unix()/length - ago) * length
			m.End, m.Keep = m.Start+length, time.Duration(4*length)*time.Second
		}
		all = append(all, m)
	}
	return all
}

// next returns a random charge.
func (h *partsHistory) next() *store.Charge {
	if h.rnd.IntN(25) == 0 {
		return h.nextMove()
	}
	c := &store.Charge{At: h.now}
	if h.rnd.IntN(15) == 0 {
		c.Op = store.SetRemaining
	}
	if h.setAt != nil && h.rnd.IntN(10) == 0 {
		c.At = c.At.Add(time.Duration(h.rnd.IntN(200_000)-100_000) * time.Millisecond)
	}
	subjects := slices.Clone(historySubjects)
	if h.rnd.IntN(4) > 0 {
		subjects = subjects[:6] // of one family
	}
	h.rnd.Shuffle(len(subjects), func(i, j int) { subjects[i], subjects[j] = subjects[j], subjects[i] })
	if h.rnd.IntN(30) == 0 {
		h.fresh++
		subjects[0] = fmt.Sprint("f>fresh ", h.seed, h.fresh)
	}
	for _, subject := range subjects[:1+h.rnd.IntN(3)*h.rnd.IntN(3)] {
		c.Parts = append(c.Parts, h.part(c, h.prefixed(subject)))
	}
	return c
}

// prefixed keeps the subjects of histories on one server apart.
func (h *partsHistory) prefixed(subject string) string {
	if h.setAt != nil {
		return subject
	}
	family, rest, isMember := cut(subject)
	family = fmt.Sprint(h.seed, family)
	if isMember {
		return family + ">" + rest
	}
	return family
}

func cut(subject string) (family, rest string, isMember bool) {
	family = store.Family(subject)
	if family == subject {
		return family, "", false
	}
	return family, subject[len(family)+1:], true
}

// part returns a part: often the usual meters in their order, sometimes any.
func (h *partsHistory) part(c *store.Charge, subject string) store.Part {
	meters := h.metersOf(subject, c.At)
	if h.rnd.IntN(3) > 0 {
		meters = meters[h.rnd.IntN(2) : 1+h.rnd.IntN(3)]
	} else {
		if h.rnd.IntN(3) == 0 {
			h.fresh = (h.fresh + 1) % 20
			id := store.Meter{Name: fmt.Sprint("id ", h.fresh), Max: 1, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}, Rare: true}
			meters = append(meters, id)
		}
		h.rnd.Shuffle(len(meters), func(i, j int) { meters[i], meters[j] = meters[j], meters[i] })
		meters = meters[:h.rnd.IntN(len(meters)+1)]
	}
	p := store.Part{Subject: subject, Meters: meters, N: make([]int64, len(meters)), Levels: make([]store.Level, len(meters))}
	sign := int64(1)
	if h.rnd.IntN(8) == 0 {
		sign = int64(h.rnd.IntN(2)) - 1 // a refund, or a read
	}
	for i := range p.N {
		p.N[i] = sign * (1 + h.rnd.Int64N(4))
		switch h.rnd.IntN(60) {
		case 0:
			p.N[i] = math.MaxInt64
		case 1:
			p.N[i] = math.MinInt64
		case 2:
			p.N[i] = 0
		}
	}
	if h.rnd.IntN(6) == 0 {
		p.Levels = nil
	}
	return p
}

// nextMove returns a move: to a new subject, back to one that is closed, or to one that
// is in use.
func (h *partsHistory) nextMove() *store.Charge {
	from := h.prefixed(historySubjects[h.rnd.IntN(len(historySubjects))])
	h.fresh++
	to := h.prefixed(fmt.Sprint([]string{"f", "g}", "h"}[h.rnd.IntN(3)], ">new ", h.seed, h.fresh))
	for _, subject := range historySubjects {
		subject = h.prefixed(subject)
		_, isClosed := h.ref.closed[subject]
		if subject != from && (isClosed && h.rnd.IntN(2) == 0 || h.ref.inUse(subject, h.now) && h.rnd.IntN(20) == 0) {
			to = subject
		}
	}
	// Closed subjects come back soon, so that there is something to charge.
	for subject, other := range h.ref.closed {
		if slices.ContainsFunc(historySubjects, func(s string) bool { return h.prefixed(s) == subject }) && h.rnd.IntN(2) == 0 {
			from, to = other, subject
			break
		}
	}
	return &store.Charge{Op: store.Move, At: h.now, Parts: []store.Part{{Subject: from}, {Subject: to}}}
}

func describe(c *store.Charge) string {
	text := fmt.Sprintf("op %d", c.Op)
	for i := range c.Parts {
		text += fmt.Sprintf("; %q %v of", c.Parts[i].Subject, c.Parts[i].N)
		for _, m := range c.Parts[i].Meters {
			text += fmt.Sprintf(" %q", m.Name)
		}
	}
	return text
}
