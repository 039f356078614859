package apikey

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"
)

// The kinds of reminders.
const (
	RemindRotate = "rotate" // the secret is old, or ends: the key needs a new one
	RemindExpiry = "expiry" // the key expires
)

// A Reminder says that a key needs somebody's attention.
type Reminder struct {
	// ID is the same whenever the same deadline of a key is found. So a program that has
	// told somebody can keep the ID, and be silent the next time.
	ID string

	Kind string // such as RemindRotate
	Key  Key

	// At is the deadline: when the secret reaches its greatest age or ends, or when the key
	// expires. It may have passed.
	At time.Time
}

// ReminderConfig says which keys need attention.
type ReminderConfig struct {
	// MaxAge is the age at which a secret should be replaced. If zero, no age is too great.
	MaxAge time.Duration

	// Ahead is how long before a deadline a key is found. The default is 14 days. With a
	// MaxAge it is at most that.
	Ahead time.Duration
}

func (cfg *ReminderConfig) faults() (errs []error) {
	if cfg.MaxAge < 0 {
		errs = append(errs, fmt.Errorf("maxAge: %v: want 0 or more", cfg.MaxAge))
	}
	if cfg.Ahead < 0 {
		errs = append(errs, fmt.Errorf("ahead: %v: want 0 or more", cfg.Ahead))
	}
	return errs
}

// defaultAhead is the default of ReminderConfig.Ahead.
const defaultAhead = 14 * 24 * time.Hour

// Reminders yields the keys whose secrets are old or end soon, and the keys that expire
// soon, newest key first. A key may have two. Keys that are disabled or have expired have
// none. Call it once a day, for example, and tell the owners: nothing is kept, and
// nothing runs by itself.
//
// It reads the keys that f selects, a page at a time. An error ends the loop, and comes
// with the zero Reminder. It wraps ErrInvalid for a negative MaxAge or Ahead.
func (s *Service) Reminders(ctx context.Context, f Filter, cfg ReminderConfig) iter.Seq2[Reminder, error] {
	return func(yield func(Reminder, error) bool) {
		if err := invalid(cfg.faults()...); err != nil {
			yield(Reminder{}, err)
			return
		}
		for k, err := range s.All(ctx, f) {
			if err != nil {
				yield(Reminder{}, err)
				return
			}
			for _, r := range k.Reminders(time.Now(), cfg) {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
}

// Reminders returns the reminders of one key at a time.
func (k *Key) Reminders(at time.Time, cfg ReminderConfig) (list []Reminder) {
	if k.Usable(at) != nil {
		return nil
	}
	ahead := cmp.Or(cfg.Ahead, defaultAhead)
	remind := func(kind string, deadline time.Time, ahead time.Duration) {
		if deadline.IsZero() || at.Add(ahead).Before(deadline) {
			return
		}
		id := k.ID + "/" + kind + "/" + deadline.UTC().Format(time.RFC3339Nano)
		list = append(list, Reminder{ID: id, Kind: kind, Key: *k, At: deadline})
	}
	switch {
	case !k.HasSecret(): // the secret was revoked, and is the previous one now
		remind(RemindRotate, k.RetiringUntil, ahead)
	case cfg.MaxAge > 0:
		remind(RemindRotate, k.SecretCreated().Add(cfg.MaxAge), min(ahead, cfg.MaxAge))
	}
	remind(RemindExpiry, k.Expires, ahead)
	return list
}
