package redis

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
			switch {
			case longtest.ManyRounds():
				test.histories *= 40
			case longtest.Enabled():
				test.histories *= 5
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
	fresh  int                      // counts new subjects, so that no name comes twice
	ids    int                      // counts rare buckets, whose names come again

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
	all := callTogether(s, requestsOf(s, charges...)...)
	for i, c := range charges {
		if errs[i] = asMoved(c, all[i].Err); errs[i] == nil {
			errs[i] = decodeReply(c, c.At, all[i].Answer)
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
