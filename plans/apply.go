package plans

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/retry"
	"github.com/ration-go/ration/usageplan"
)

// Apply changes the store to what the file wants, and returns the changes that it has
// made. It first compares and checks all, as Diff does. If the file has faults, the error
// is Faults, and nothing was changed.
//
// A second Apply changes nothing. Several processes may apply one file at the same time:
// each returns when the store is as the file wants it. If another process is faster with
// a change, Apply compares again, up to 16 times. A change that both have made is
// returned by both.
//
// What keys and groups have used is kept. A key that gets another plan is moved to it,
// with the same Allowance, and a key that gets another group is moved by Groups.MoveKey.
//
// After another error, the changes that are returned were made, and others were not.
// Every step leaves the keys within limits, and the next Apply goes on. An error of the
// store may also mean that one more change was made.
//
// If ctx has no history.Actor, the changes are those of an Actor with the kind
// history.ActorPlans and the name of the file.
//
// Caution: two files that want different things of one record, such as those of two
// releases during an update, undo each other's changes whenever they are applied.
func Apply(ctx context.Context, s Services, f *File, cfg Config) (made Difference, err error) {
	if history.ActorOf(ctx) == (history.Actor{}) {
		ctx = history.WithActor(ctx, history.Actor{Kind: history.ActorPlans, Name: f.source.name})
	}
	err = retry.Do(ctx, func() (raced bool, err error) {
		w, err := s.compare(ctx, f, cfg)
		if err != nil {
			return false, err
		}
		made.Unmanaged = w.unmanaged
		n := len(made.Changes)
		err = w.run(ctx, &made)
		return raceLost(err) || err != nil && isRefusal(err) && len(made.Changes) > n, err
	})
	return made, err
}

// run makes the steps. After a refusal it goes on with the steps that do not depend on
// it, because these may be what the refused one waits for: two plans can exchange a stage
// only one after the other. After a failure of the store it stops.
func (w *wanted) run(ctx context.Context, made *Difference) error {
	var refusals []error
	refused := map[string]bool{} // the keys of steps that were refused
	for _, s := range w.steps {
		if refused[s.key] && s.phase > putLinks {
			continue // the key is not enabled and loses no link before it has those of the file
		}
		err := s.do(ctx)
		switch {
		case err == nil && s.change != nil:
			made.Changes = append(made.Changes, *s.change)
		case err == nil:
		case !isRefusal(err):
			return s.explain(err)
		default:
			refusals = append(refusals, s.explain(err))
			refused[s.key] = s.key != ""
		}
	}
	return errors.Join(refusals...)
}

func (s *step) explain(err error) error {
	if s.change == nil {
		return fmt.Errorf("plans: enable key %s: %w", s.key, err)
	}
	return fmt.Errorf("plans: %s: %w", s.change.head(), err)
}

// isRefusal reports whether a service refused a change, and did not fail.
func isRefusal(err error) bool {
	return raceLost(err) || errors.Is(err, usageplan.ErrInvalid) || errors.Is(err, apikey.ErrInvalid) ||
		errors.Is(err, usageplan.ErrClash) || errors.Is(err, usageplan.ErrInUse)
}

// raceLost reports whether an error tells that the store is no longer as it was read.
func raceLost(err error) bool {
	for _, race := range []error{
		usageplan.ErrNotFound, usageplan.ErrExists, apikey.ErrNotFound, apikey.ErrExists, apikey.ErrConflict,
	} {
		if errors.Is(err, race) {
			return true
		}
	}
	return errors.Is(err, usageplan.ErrConflict) && !errors.Is(err, usageplan.ErrClash)
}
