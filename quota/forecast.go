package quota

import (
	"math"
	"time"

	"github.com/ration-go/ration/store"
)

// A Projection says how the use of a window goes on if its pace stays the same.
type Projection struct {
	// PerSecond is the pace, in units a second.
	PerSecond float64 `json:"perSecond"`

	// AtEnd is what will have been used at the end of the window if nothing refuses.
	AtEnd int64 `json:"atEnd"`

	// UsedUp is the time at which the allowance will be used up, or the time of the forecast
	// if it is used up already. It is zero if the allowance lasts until the window ends.
	UsedUp time.Time `json:"usedUp,omitzero"`
}

// priorShare is the part of a window that past windows count for in a forecast.
const priorShare = 0.1

// Forecast returns how the use of the last of windows goes on from the time at. The
// windows are those of one quota, oldest first, as Windows returns them. The earlier ones
// may be left out.
//
// The pace is what was used since the start of the window, divided by the time since
// then. It is simple to check, needs one count only, and one burst changes it little. The
// pace of the last minutes would have to be recorded, and would say at each lunch that
// the month lasts.
//
// Shortly after the start that pace is mostly chance. So earlier windows count like a
// tenth of a window that was used at their average pace. In the middle of the window they
// make up a sixth of the pace. Windows before the first that was used do not count, since
// a new key has no past.
//
// Leased units count as not yet used. Forecast returns the zero Projection if there is no
// window, if at is not after its start, or if it has ended by then.
func Forecast(at time.Time, windows ...Usage) Projection {
	if len(windows) == 0 {
		return Projection{}
	}
	past, w := windows[:len(windows)-1], windows[len(windows)-1]
	if !at.After(w.Start) || !at.Before(w.End) {
		return Projection{}
	}
	spent := w.spent()
	pace := paceOf(past, w.End.Sub(w.Start).Seconds()*priorShare, spent, at.Sub(w.Start).Seconds())
	more := pace * w.End.Sub(at).Seconds()
	p := Projection{PerSecond: pace, AtEnd: int64(min(math.Round(float64(spent)+more), store.MaxUnits))}
	switch left := float64(w.Limit - spent); {
	case left <= 0:
		p.UsedUp = at
	case left <= more:
		p.UsedUp = at.Add(time.Duration(left / pace * float64(time.Second)))
	}
	return p
}

// spent returns what was used and is not only leased.
func (u *Usage) spent() int64 { return max(0, u.Used-u.Leased) }

// paceOf returns the pace of a window in units a second: spent units in the elapsed
// seconds. The past windows add their average pace for prior seconds.
func paceOf(past []Usage, prior float64, spent int64, elapsed float64) float64 {
	for len(past) > 0 && past[0].spent() == 0 {
		past = past[1:]
	}
	var before, seconds float64
	for i := range past {
		before += float64(past[i].spent())
		seconds += past[i].End.Sub(past[i].Start).Seconds()
	}
	if seconds == 0 {
		return float64(spent) / elapsed
	}
	return (float64(spent) + before/seconds*prior) / (elapsed + prior)
}
