package middleware_test

import (
	"context"
	"sync"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// directory is as much of a store of keys and plans as these tests need, beside counters in memory.
type directory struct {
	*memory.Store
	mu    sync.Mutex
	keys  map[string]apikey.Key
	plans map[string]usageplan.Plan
	links map[string][]usageplan.Link
}

func newDirectory() *directory {
	return &directory{memory.New(memory.Config{}), sync.Mutex{}, map[string]apikey.Key{}, map[string]usageplan.Plan{}, map[string][]usageplan.Link{}}
}

func (d *directory) InsertKey(_ context.Context, k apikey.Key) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[k.ID] = k
	return nil
}

func (d *directory) Key(_ context.Context, id string) (apikey.Key, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k, ok := d.keys[id]; ok {
		return k, nil
	}
	return apikey.Key{}, apikey.ErrNotFound
}

func (d *directory) KeyByDigest(_ context.Context, digest apikey.Digest) (apikey.Key, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range d.keys {
		if k.Digest == digest {
			return k, nil
		}
	}
	return apikey.Key{}, apikey.ErrNotFound
}

func (d *directory) UpdateKey(_ context.Context, k apikey.Key) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[k.ID] = k
	return nil
}

func (d *directory) InsertPlan(_ context.Context, p usageplan.Plan) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plans[p.ID] = p
	return nil
}

func (d *directory) Plan(_ context.Context, id string) (usageplan.Plan, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, ok := d.plans[id]; ok {
		return p, nil
	}
	return usageplan.Plan{}, usageplan.ErrNotFound
}

func (d *directory) InsertLink(_ context.Context, l usageplan.Link) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.links[l.KeyID] = append(d.links[l.KeyID], l)
	return nil
}

func (d *directory) KeyLinks(_ context.Context, id string) ([]usageplan.Link, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.links[id], nil
}

// The rest is never called.
func (d *directory) DeleteKey(context.Context, string) error { panic("unused") }
func (d *directory) Keys(context.Context, apikey.Filter, string, int) ([]apikey.Key, string, error) {
	panic("unused")
}
func (d *directory) UpdatePlan(context.Context, usageplan.Plan) error { panic("unused") }
func (d *directory) DeletePlan(context.Context, string) error         { panic("unused") }
func (d *directory) Plans(context.Context, string, int) ([]usageplan.Plan, string, error) {
	panic("unused")
}
func (d *directory) UpdateLink(context.Context, usageplan.Link) error { panic("unused") }
func (d *directory) DeleteLink(context.Context, string, string) error { panic("unused") }
func (d *directory) PlanLinks(context.Context, string, string, int) ([]usageplan.Link, string, error) {
	panic("unused")
}
