// Package transfer copies keys, plans, groups, links and counters from one store to
// another, such as from a file of a memory store to a database, or from Redis to
// PostgreSQL.
//
// Close the source first: no program may use it while it is copied. A copy of a source in
// use lacks what changes meanwhile. A charge of a subject that was copied already is not
// in the copy, so its units can be taken again. A key that is inserted meanwhile may be
// missing. Verify finds such differences.
//
// The history of changes (package history) is not copied.
//
// A copy that was broken off can be repeated: what is in the target already is compared
// and not written again. Config.Resume spares the parts that were done.
//
// The copy has what the source has: the order of insertion, versions, times, windows that
// have ended, and subjects that are closed. A link whose plan does not exist is left out,
// since it has no effect. A cursor of a listing of the source is not valid in the target.
package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Side is what is copied, or where it is copied to. A service may keep the parts in
// several stores. A part that is nil on both sides is not copied.
type Side struct {
	// Keys keeps the keys.
	Keys apikey.Store

	// Plans keeps plans and links. If it is a usageplan.GroupStore on both sides, groups are
	// copied, too.
	Plans usageplan.Store

	// Counter counts. It is a store.Dumper.
	Counter store.Counter
}

// A Store keeps all parts.
type Store interface {
	apikey.Store
	usageplan.Store
	store.Counter
}

// Whole returns the Side of a store that keeps all parts.
func Whole(s Store) Side { return Side{Keys: s, Plans: s, Counter: s} }

// Errors of Copy.
var (
	// ErrNotEmpty means that the target has records already, and the copy is not resumed.
	ErrNotEmpty = errors.New("transfer: the target is not empty")

	// ErrDiffers means that the target has a record that differs from that of the source.
	ErrDiffers = errors.New("transfer: the target has another record")
)

// Config configures a copy. The zero Config is ready for use.
type Config struct {
	// Page is how many records are read at a time. The default is 500.
	Page int

	// Resume is the last Progress of a copy that was broken off. The new copy goes on there.
	// If nil, the target must be empty.
	//
	// A Progress with a Cursor is valid only for the same source, and for as long as that
	// is open: a store in memory has other cursors when it is opened again. Without a Cursor
	// the part begins anew.
	Resume *Progress

	// Report is called with the Progress after each page. If nil, nothing is reported.
	Report func(Progress)
}

// A Part is what is copied in one go, in this order.
type Part string

const (
	Plans    Part = "plans"
	Groups   Part = "groups"
	Keys     Part = "keys"
	Links    Part = "links"
	Subjects Part = "subjects"
	Done     Part = "done"
)

// A Progress says how far a copy is. Its JSON form can be kept for Config.Resume.
type Progress struct {
	Part   Part   `json:"part"`             // the part that is being copied
	Cursor string `json:"cursor,omitempty"` // where the dump of subjects goes on
	Counts Counts `json:"counts"`           // what was copied, or was there already
}

// Counts are numbers of records. A subject that a dump has twice counts twice.
type Counts struct {
	Plans    int64 `json:"plans"`
	Groups   int64 `json:"groups"`
	Keys     int64 `json:"keys"`
	Links    int64 `json:"links"`
	Subjects int64 `json:"subjects"`
}

const defaultPage = 500

// A job is a copy that is under way.
type job struct {
	from, to Side
	cfg      Config
	progress Progress
}

// Copy copies everything that from has to the store to, and returns how much it was.
// After an error the target has a part of it, and the Progress says how to go on.
func Copy(ctx context.Context, from, to Side, cfg Config) (Progress, error) {
	if cfg.Page <= 0 {
		cfg.Page = defaultPage
	}
	j := &job{from: from, to: to, cfg: cfg, progress: Progress{Part: Plans}}
	err := check(from, to)
	if err == nil && cfg.Resume == nil {
		err = j.checkEmpty(ctx)
	}
	if cfg.Resume != nil {
		j.progress = *cfg.Resume
	}
	if err == nil {
		err = j.run(ctx)
	}
	if err != nil {
		return j.progress, fmt.Errorf("transfer: %s: %w", j.progress.Part, err)
	}
	return j.progress, nil
}

// check returns what is wrong with two sides.
func check(from, to Side) error {
	var errs []error
	both := func(field string, from, to bool) {
		if from != to {
			errs = append(errs, fmt.Errorf("%s: want it on both sides, or on none", field))
		}
	}
	both("keys", from.Keys != nil, to.Keys != nil)
	both("plans", from.Plans != nil, to.Plans != nil)
	both("counter", from.Counter != nil, to.Counter != nil)
	if from.Keys == nil && from.Plans == nil && from.Counter == nil {
		errs = append(errs, errors.New("sides: want one part at least"))
	}
	for name, c := range map[string]store.Counter{"from": from.Counter, "to": to.Counter} {
		if _, ok := c.(store.Dumper); c != nil && !ok {
			errs = append(errs, fmt.Errorf("%s.counter: %T: want a store.Dumper", name, c))
		}
	}
	return errors.Join(errs...)
}

// run copies the parts from that of the progress on.
func (j *job) run(ctx context.Context) error {
	parts := []struct {
		part Part
		copy func(context.Context) error
	}{{Plans, j.plans}, {Groups, j.groups}, {Keys, j.keys}, {Links, j.links}, {Subjects, j.subjects}}
	for i, p := range parts {
		if p.part != j.progress.Part {
			continue
		}
		if err := p.copy(ctx); err != nil {
			return err
		}
		j.progress.Part, j.progress.Cursor = Done, ""
		if i+1 < len(parts) {
			j.progress.Part = parts[i+1].part
		}
		j.report()
	}
	if j.progress.Part != Done {
		return fmt.Errorf("%w: resume: part: %.40q: want one of a Progress", errors.ErrUnsupported, j.progress.Part)
	}
	return nil
}

func (j *job) report() {
	if j.cfg.Report != nil {
		j.cfg.Report(j.progress)
	}
}

// groupStores returns the stores of groups, and false if one of the sides keeps none.
func (j *job) groupStores() (from, to usageplan.GroupStore, ok bool) {
	from, ok1 := j.from.Plans.(usageplan.GroupStore)
	to, ok2 := j.to.Plans.(usageplan.GroupStore)
	return from, to, ok1 && ok2
}

// checkEmpty returns ErrNotEmpty if the target has a record.
func (j *job) checkEmpty(ctx context.Context) error {
	if j.to.Plans != nil {
		if page, _, err := j.to.Plans.Plans(ctx, "", 1); err != nil || len(page) > 0 {
			return notEmpty("plans", err)
		}
	}
	if _, to, ok := j.groupStores(); ok {
		if page, _, err := to.Groups(ctx, usageplan.GroupFilter{}, "", 1); err != nil || len(page) > 0 {
			return notEmpty("groups", err)
		}
	}
	if j.to.Keys != nil {
		if page, _, err := j.to.Keys.Keys(ctx, apikey.Filter{}, "", 1); err != nil || len(page) > 0 {
			return notEmpty("keys", err)
		}
	}
	if j.to.Counter == nil {
		return nil
	}
	for cursor := ""; ; {
		page, next, err := j.to.Counter.(store.Dumper).Dump(ctx, cursor, j.cfg.Page)
		if err != nil || len(page) > 0 {
			return notEmpty("subjects", err)
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

func notEmpty(what string, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: it has %s", ErrNotEmpty, what)
}

// subjects copies the state of the counters.
func (j *job) subjects(ctx context.Context) error {
	if j.from.Counter == nil {
		return nil
	}
	from, to := j.from.Counter.(store.Dumper), j.to.Counter.(store.Dumper)
	for {
		page, next, err := from.Dump(ctx, j.progress.Cursor, j.cfg.Page)
		if err == nil {
			err = to.Restore(ctx, page)
		}
		if err != nil {
			return err
		}
		j.progress.Counts.Subjects += int64(len(page))
		if j.progress.Cursor = next; next == "" {
			return nil
		}
		j.report()
	}
}
