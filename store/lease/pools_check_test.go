package lease_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// finish uses the quota of the day up, and compares what was admitted with what the store
// counts.
func (s *poolScene) finish() {
	noted := len(s.moves)
	for range 10_000 {
		if !s.take(s.of[0], 1, s.meters(4)) {
			break
		}
	}
	for _, c := range s.of {
		require.NoError(s.t, c.Close(context.Background()))
	}
	sums, unknown, byMeter := map[counted]int64{}, map[counted]int64{}, map[counted]store.Meter{}
	for i := range s.moves {
		m := &s.moves[i]
		for j := range m.meters {
			id := countedOf(&m.meters[j])
			switch old, ok := byMeter[id]; {
			case !ok || m.meters[j].Max > old.Max:
				byMeter[id] = m.meters[j]
			}
			if m.ok {
				sums[id] += m.n
			}
			if m.failed {
				unknown[id] += max(m.n, -m.n)
			}
		}
	}
	s.t.Logf("%d of %d charges left a pool", s.pooled, len(s.moves))
	for id, m := range byMeter {
		used := s.store.usedOf(s.t, m)
		if m.IsWindow() && m.End <= time.Now().Unix() {
			used = s.store.usedAt(s.t, m, time.Unix(m.Start, 0))
		}
		if s.trouble == losing {
			assert.LessOrEqual(s.t, sums[id]-unknown[id], used, "%+v", m)
		} else {
			assert.Equal(s.t, sums[id], used, "%+v", m)
		}
		assert.LessOrEqual(s.t, sums[id]-unknown[id], m.Max, "%+v", m)
	}
	if s.trouble != changing && s.trouble != losing {
		assert.Equal(s.t, s.day.Max, sums[countedOf(&s.day)], "the quota is used up")
	}
	if s.trouble != losing {
		for i := range s.moves[:noted] {
			s.check(&s.moves[i])
		}
	}
}

// check compares the levels of an answer with all that may have been counted then.
func (s *poolScene) check(a *poolMove) {
	roomless := false
	for j := range a.meters {
		id := countedOf(&a.meters[j])
		var least, most int64
		if a.ok {
			least = max(a.n, 0)
		}
		for i := range s.moves {
			b := &s.moves[i]
			if !b.ok || !b.names(id) {
				continue
			}
			ended, began := b.ended.Before(a.began), !b.began.After(a.ended)
			if ended && b.n > 0 || began && b.n < 0 {
				least += b.n
			}
			if began && b.n > 0 || ended && b.n < 0 {
				most += b.n
			}
		}
		roomless = roomless || most+a.n > a.meters[j].Max
		if s.trouble != none {
			continue
		}
		if a.used[j] < least || a.used[j] > most {
			assert.Fail(s.t, "level", "meter %d used %d: want %d to %d: %+v", j, a.used[j], least, most, a)
		}
	}
	if s.trouble == none && !a.ok && !roomless {
		assert.Fail(s.t, "refused although there is room", "%+v", a)
	}
}

func (m *poolMove) names(id counted) bool {
	for j := range m.meters {
		if countedOf(&m.meters[j]) == id {
			return true
		}
	}
	return false
}

func (s *shaky) usedOf(t *testing.T, m store.Meter) int64 { return s.usedAt(t, m, time.Now()) }

func (s *shaky) usedAt(t *testing.T, m store.Meter, at time.Time) int64 {
	c := store.NewCharge("hot", 0, m)
	c.At = at
	require.NoError(t, s.Counter.Take(t.Context(), c))
	return c.Parts[0].Levels[0].Used
}
