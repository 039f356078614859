package lease

import (
	"crypto/rand"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/store"
)

// A mark is a count in the inner Counter by which settlements happen once. A settlement
// adds to the mark in the same step in which it charges units. If its answer is lost, the
// mark tells later whether it happened: see resolve.
//
// A settlement fits only while the mark stands where the settlement found it. So it
// cannot happen twice, and it cannot happen after it was found missing, however late the
// inner Counter gets it.
//
// Every Counter has a mark of its own for a subject, and one settlement of the subject at
// a time adds to it. So a mark takes the same room however many settlements there are.
type mark struct {
	of      string      // the subject of the settlements
	subject string      // the subject that the mark is charged to
	meter   store.Meter // without its Max
	used    int64       // where the mark stands
}

// What is added to a mark. The two differ, so that the mark tells a settlement from a
// question whose own answer was lost.
const (
	bySettlement = 1
	byQuestion   = 2 // added if the settlement has not happened, and so cannot any more
)

// markLife is how long the inner Counter keeps a mark. A new one replaces it when half of
// that is over, so a settlement can be asked for during the other half.
const markLife = time.Hour

// marks makes the marks of a Counter, and keeps those of subjects that are no longer hot.
// A subject that is hot now and then goes on with the mark that it had. Otherwise the
// inner Counter would keep one for each time.
type marks struct {
	by   string // tells Counters apart
	made atomic.Int64
	idle [heatSlots]atomic.Pointer[mark]
}

func newMarks() *marks { return &marks{by: rand.Text()[:12]} }

// get returns the mark for settlements of a subject at an instant: old if it still serves
// them. It returns nil if the subject is too long.
func (s *marks) get(old *mark, hash uint64, subject string, at time.Time) *mark {
	if slot := &s.idle[hash%heatSlots]; old == nil {
		if old = slot.Load(); old != nil && (old.of != subject || !slot.CompareAndSwap(old, nil)) {
			old = nil
		}
	}
	if old != nil && old.of == subject && old.serves(at) {
		return old
	}
	counts, ok := store.LeasedSubject(subject)
	if !ok || len(counts)+len(s.by) > store.MaxSubject {
		return nil
	}
	name, start := strconv.FormatInt(s.made.Add(1), 36), at.Unix()
	return &mark{of: subject, subject: counts + s.by, meter: store.Meter{Name: name, Start: start, End: start + int64(markLife/time.Second)}}
}

// put keeps a mark for the next account of its subject.
func (s *marks) put(hash uint64, m *mark) {
	if s != nil && m != nil {
		s.idle[hash%heatSlots].Store(m)
	}
}

// serves reports whether m is for settlements of an instant.
func (m *mark) serves(at time.Time) bool {
	return m.keptAt(at.Add(markLife/2)) && m.used < store.MaxUnits/2
}

// keptAt reports whether the inner Counter keeps m at an instant.
func (m *mark) keptAt(at time.Time) bool { return at.Unix() < m.meter.End }

// add returns the part of a charge that adds n to m if m still stands at used.
func (m *mark) add(used, n int64) store.Part {
	meter := m.meter
	meter.Max = used + n
	return store.NewPart(m.subject, n, meter)
}

// addMark has a settlement add to the mark of the account, if its answer can be lost. The
// lock is held.
//
// A settlement of buckets alone has no mark: buckets refill, and with one part it is
// decided faster.
func (l *Counter) addMark(a *account, s *settlement) {
	if l.marks == nil || !s.changesWindow() {
		return
	}
	subject := s.charge.Parts[0].Subject
	if a.mark = l.marks.get(a.mark, a.hash, subject, s.charge.At); a.mark != nil {
		s.mark, s.used = a.mark, a.mark.used
		s.charge.Parts = append(s.charge.Parts, s.mark.add(s.used, bySettlement))
	}
}
