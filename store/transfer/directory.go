package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// each calls put with every record of a listing, the oldest first, and counts them.
func each[T any](ctx context.Context, j *job, list listing[T], count *int64, put func(*T) error) error {
	w, err := oldestFirst(ctx, list, j.cfg.Page)
	if err != nil {
		return err
	}
	*count = 0
	for {
		record, turned, err := w.next(ctx)
		if err != nil || record == nil {
			return err
		}
		if err := put(record); err != nil {
			return err
		}
		if *count++; turned {
			j.report()
		}
	}
}

func (j *job) keys(ctx context.Context) error {
	if j.from.Keys == nil {
		return nil
	}
	return each(ctx, j, allKeys(j.from.Keys), &j.progress.Counts.Keys, func(k *apikey.Key) error {
		err := j.to.Keys.InsertKey(ctx, *k)
		if !errors.Is(err, apikey.ErrExists) {
			return wrap("key", k.ID, err)
		}
		have, err := j.to.Keys.Key(ctx, k.ID)
		if err == nil && (have.Version != k.Version || !sameKey(have, *k)) {
			err = ErrDiffers
		}
		return wrap("key", k.ID, err)
	})
}

func (j *job) plans(ctx context.Context) error {
	if j.from.Plans == nil {
		return nil
	}
	return each(ctx, j, j.from.Plans.Plans, &j.progress.Counts.Plans, func(p *usageplan.Plan) error {
		return wrap("plan", p.ID, copyVersioned(ctx, *p, versioned[usageplan.Plan]{
			insert: j.to.Plans.InsertPlan, update: j.to.Plans.UpdatePlan, same: samePlan,
			read:    func(ctx context.Context) (usageplan.Plan, error) { return j.to.Plans.Plan(ctx, p.ID) },
			version: func(p *usageplan.Plan) *int64 { return &p.Version },
		}))
	})
}

func (j *job) groups(ctx context.Context) error {
	from, to, ok := j.groupStores()
	if !ok {
		return nil
	}
	return each(ctx, j, allGroups(from), &j.progress.Counts.Groups, func(g *usageplan.Group) error {
		return wrap("group", g.ID, copyVersioned(ctx, *g, versioned[usageplan.Group]{
			insert: to.InsertGroup, update: to.UpdateGroup, same: sameGroup,
			read:    func(ctx context.Context) (usageplan.Group, error) { return to.Group(ctx, g.ID) },
			version: func(g *usageplan.Group) *int64 { return &g.Version },
		}))
	})
}

func allKeys(s apikey.Store) listing[apikey.Key] {
	return func(ctx context.Context, cursor string, limit int) ([]apikey.Key, string, error) {
		return s.Keys(ctx, apikey.Filter{}, cursor, limit)
	}
}

func allGroups(s usageplan.GroupStore) listing[usageplan.Group] {
	return func(ctx context.Context, cursor string, limit int) ([]usageplan.Group, string, error) {
		return s.Groups(ctx, usageplan.GroupFilter{}, cursor, limit)
	}
}

// versioned has what copies a record that every store inserts with Version 1.
type versioned[T any] struct {
	insert  func(context.Context, T) error
	update  func(context.Context, T) error
	read    func(context.Context) (T, error)
	same    func(a, b T) bool
	version func(*T) *int64
}

// copyVersioned inserts a record, and updates it until it has the Version that it has in
// the source. So a caller that has read the record there cannot overwrite a change that
// it has not seen.
func copyVersioned[T any](ctx context.Context, record T, v versioned[T]) error {
	want, have := *v.version(&record), int64(1)
	err := v.insert(ctx, record)
	if errors.Is(err, usageplan.ErrExists) {
		var was T
		if was, err = v.read(ctx); err == nil && !v.same(was, record) {
			return ErrDiffers
		}
		have = *v.version(&was)
	}
	for ; err == nil && have < want; have++ {
		*v.version(&record) = have
		err = v.update(ctx, record)
	}
	if err == nil && have > want {
		err = ErrDiffers
	}
	return err
}

func wrap(kind, id string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s %.100q: %w", kind, id, err)
	}
	return err
}

// The functions below compare two records, without their versions.

// instant returns t as stores keep it: they may return it in another zone, and need not
// keep a part of a microsecond.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func sameKey(a, b apikey.Key) bool {
	for _, k := range []*apikey.Key{&a, &b} {
		k.Version = 0
		for _, t := range []*time.Time{&k.Created, &k.Updated, &k.Expires, &k.RetiringUntil} {
			*t = instant(*t)
		}
	}
	return sameJSON(a, b)
}

func samePlan(a, b usageplan.Plan) bool {
	for _, p := range []*usageplan.Plan{&a, &b} {
		p.Version, p.Created, p.Updated = 0, instant(p.Created), instant(p.Updated)
	}
	return sameJSON(a, b)
}

func sameGroup(a, b usageplan.Group) bool {
	for _, g := range []*usageplan.Group{&a, &b} {
		g.Version, g.Created, g.Updated = 0, instant(g.Created), instant(g.Updated)
	}
	return sameJSON(a, b)
}

func sameLink(a, b usageplan.Link) bool {
	for _, l := range []*usageplan.Link{&a, &b} {
		l.Version, l.Created = 0, instant(l.Created)
	}
	return sameJSON(a, b)
}

func sameJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}
