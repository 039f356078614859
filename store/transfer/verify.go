package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// A Report says what Verify has found.
type Report struct {
	// Counts are what the source has, and what was compared.
	Counts Counts

	// Different is the number of records that the target lacks, or has otherwise.
	Different int64

	// Examples are the first of them, at most 20.
	Examples []string
}

const maxExamples = 20

// Verify compares every record of a store with the copy of it. Of the counters it
// compares all windows and closed subjects. It compares no tokens, because buckets refill
// meanwhile. Both stores must be at rest. It changes nothing.
//
// Verify does not look for records that only the copy has.
func Verify(ctx context.Context, from, to Side, cfg Config) (Report, error) {
	if cfg.Page <= 0 {
		cfg.Page = defaultPage
	}
	v := &verification{job: &job{from: from, to: to, cfg: cfg}, now: time.Now()}
	err := check(from, to)
	for _, part := range []func(context.Context) error{v.keys, v.plans, v.groups, v.subjects} {
		if err == nil {
			err = part(ctx)
		}
	}
	v.report.Counts = v.progress.Counts
	if err != nil {
		return v.report, fmt.Errorf("transfer: verify: %w", err)
	}
	return v.report, nil
}

// A verification is a Verify that is under way.
type verification struct {
	*job
	report Report
	now    time.Time
}

// note notes a difference.
func (v *verification) note(same bool, kind, id string) {
	if same {
		return
	}
	v.report.Different++
	if len(v.report.Examples) < maxExamples {
		v.report.Examples = append(v.report.Examples, fmt.Sprintf("%s %.100q", kind, id))
	}
}

func (v *verification) keys(ctx context.Context) error {
	if v.from.Keys == nil {
		return nil
	}
	return pages(ctx, v.job, allKeys(v.from.Keys), &v.progress.Counts.Keys, func(k *apikey.Key) error {
		have, err := v.to.Keys.Key(ctx, k.ID)
		if errors.Is(err, apikey.ErrNotFound) {
			err = nil
		}
		v.note(have.Version == k.Version && sameKey(have, *k), "key", k.ID)
		return err
	})
}

func (v *verification) plans(ctx context.Context) error {
	if v.from.Plans == nil {
		return nil
	}
	return pages(ctx, v.job, v.from.Plans.Plans, &v.progress.Counts.Plans, func(p *usageplan.Plan) error {
		have, err := v.to.Plans.Plan(ctx, p.ID)
		if errors.Is(err, usageplan.ErrNotFound) {
			err = nil
		}
		v.note(have.Version == p.Version && samePlan(have, *p), "plan", p.ID)
		if err == nil {
			err = v.links(ctx, p.ID)
		}
		return err
	})
}

// links compares the links of a plan page by page, so that their order counts, too.
func (v *verification) links(ctx context.Context, planID string) error {
	for a, b := "", ""; ; {
		want, next, err1 := v.from.Plans.PlanLinks(ctx, planID, a, v.cfg.Page)
		have, other, err2 := v.to.Plans.PlanLinks(ctx, planID, b, v.cfg.Page)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		for i := range want {
			same := i < len(have) && have[i].Version == want[i].Version && sameLink(have[i], want[i])
			v.note(same, "link of key", want[i].KeyID)
		}
		v.progress.Counts.Links += int64(len(want))
		v.job.report()
		if a, b = next, other; a == "" {
			return nil
		}
		if b == "" {
			return v.missing(ctx, planID, a)
		}
	}
}

// missing notes the links of a plan that the target lacks.
func (v *verification) missing(ctx context.Context, planID, cursor string) error {
	for cursor != "" {
		page, next, err := v.from.Plans.PlanLinks(ctx, planID, cursor, v.cfg.Page)
		if err != nil {
			return err
		}
		for i := range page {
			v.note(false, "link of key", page[i].KeyID)
		}
		v.progress.Counts.Links += int64(len(page))
		cursor = next
	}
	return nil
}

func (v *verification) groups(ctx context.Context) error {
	from, to, ok := v.groupStores()
	if !ok {
		return nil
	}
	return pages(ctx, v.job, allGroups(from), &v.progress.Counts.Groups, func(g *usageplan.Group) error {
		have, err := to.Group(ctx, g.ID)
		if errors.Is(err, usageplan.ErrNotFound) {
			err = nil
		}
		v.note(have.Version == g.Version && sameGroup(have, *g), "group", g.ID)
		return err
	})
}

// pages calls compare with every record of a listing, newest first, and counts them.
func pages[T any](ctx context.Context, j *job, list listing[T], count *int64, compare func(*T) error) error {
	for cursor := ""; ; {
		page, next, err := list(ctx, cursor, j.cfg.Page)
		if err != nil {
			return err
		}
		for i := range page {
			if err := compare(&page[i]); err != nil {
				return err
			}
		}
		*count += int64(len(page))
		j.report()
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

func (v *verification) subjects(ctx context.Context) error {
	if v.from.Counter == nil {
		return nil
	}
	from := v.from.Counter.(store.Dumper)
	list := func(ctx context.Context, cursor string, limit int) ([]store.Record, string, error) {
		return from.Dump(ctx, cursor, limit)
	}
	return pages(ctx, v.job, list, &v.progress.Counts.Subjects, func(r *store.Record) error {
		same, err := v.sameSubject(ctx, r)
		v.note(same, "subject", r.Subject)
		return err
	})
}

// sameSubject reports whether the target has the windows of a subject, or has closed it.
func (v *verification) sameSubject(ctx context.Context, r *store.Record) (bool, error) {
	meters := []store.Meter{{Name: "transfer", Max: 1}}
	var windows []store.Window
	for i := range r.States {
		if s := &r.States[i]; s.IsWindow && !s.IsOver(v.now.UnixMicro()) {
			meters, windows = append(meters, windowOf(s)), append(windows, s.Window)
		}
	}
	levels, last := make([]store.Level, len(meters)), make([]int64, len(meters))
	err := store.Peek(ctx, v.to.Counter, v.now, []string{r.Subject}, meters, levels, last)
	var moved *store.MovedError
	if errors.As(err, &moved) {
		return moved.To == r.MovedTo, nil
	}
	if err != nil {
		return false, err
	}
	same := r.MovedTo == ""
	for i, w := range windows {
		l := levels[i+1]
		same = same && l.Used == w.Used && l.Max == min(max(half+w.Extra, 0), store.MaxUnits) && last[i+1] == w.Last
	}
	return same, nil
}

// half is the limit by which Verify reads a window. The level then tells what was added
// to it, as long as that is less than half of what a store can count.
const half = store.MaxUnits / 2

// windowOf returns a meter that reads a window.
func windowOf(s *store.MeterState) store.Meter {
	m := store.Meter{Name: s.Name, Max: half, Start: s.Start, End: s.End}
	if m.End == 0 {
		m.End = s.Until
	}
	return m
}
