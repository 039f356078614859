package alert

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
)

// An Event says that the use of a quota has reached a threshold. It has no secrets. Its
// JSON form is stable.
type Event struct {
	// ID is the same in every process, and in every repetition, for one threshold of one
	// allowance in one window. It has 36 ASCII letters, digits and '_'.
	ID string `json:"id"`

	// At is the time of the decision that found the threshold reached.
	At time.Time `json:"at"`

	// Payer is the key or the group that has the quota. KeyID is the key that asked last.
	// PlanID is the plan that has the quota.
	Payer  gate.Payer `json:"payer"`
	KeyID  string     `json:"keyId"`
	PlanID string     `json:"planId"`

	// Limit is the name of the quota, as gate.Limit has it. Unit is what it counts. Soft
	// says that it refuses nothing.
	Limit string `json:"limit"`
	Unit  string `json:"unit"`
	Soft  bool   `json:"soft,omitzero"`

	// Start and End are the window of the quota.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`

	// Threshold is in percent of Max, the allowance of the window with what it was extended
	// by. Used is the use that was found, which may be far above the threshold.
	Threshold int   `json:"threshold"`
	Used      int64 `json:"used"`
	Max       int64 `json:"max"`

	// Forecast says how the use goes on at the pace since the window began.
	Forecast quota.Projection `json:"forecast"`
}

// newEvent returns the Event of a threshold that r has reached.
func newEvent(keyID string, r *gate.Reached, threshold int, at time.Time) Event {
	use := quota.Usage{Start: r.Start, End: r.End, Used: r.Used, Limit: r.Max}
	return Event{
		ID: eventID(r, threshold), At: at,
		Payer: r.Payer, KeyID: keyID, PlanID: r.Plan.ID,
		Limit: r.Name, Unit: r.Unit, Soft: r.Soft,
		Start: r.Start, End: r.End,
		Threshold: threshold, Used: r.Used, Max: r.Max,
		Forecast: quota.Forecast(at, use),
	}
}

// eventID returns the ID of the Event of a threshold. Each part is quoted, so two lists
// of parts never make one text.
func eventID(r *gate.Reached, threshold int) string {
	text := fmt.Sprintf("%q %q %q %d %d %d %d", counted(r.Subject), r.Name, r.Unit, r.Start.Unix(), r.End.Unix(), r.Max, threshold)
	sum := sha256.Sum256([]byte(text))
	return "evt_" + hex.EncodeToString(sum[:16])
}

// counted returns a subject without the root of its family. A key that moves to another
// family keeps its counts, and its Events keep their IDs.
func counted(subject string) string { return subject[strings.LastIndexByte(subject, '>')+1:] }
