package plans

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// ExportConfig configures Export. The zero ExportConfig is ready for use.
type ExportConfig struct {
	// WithoutKeys leaves out the keys and their links, for a store whose keys others manage.
	WithoutKeys bool

	// Digests adds the digests of the current secrets, so that Apply can create the keys in
	// another store. A digest cannot be used as a secret. Keys without a current secret, and
	// their links, are left out: no file can create such a key.
	//
	// Security: a secret that can be guessed can be found by its digest.
	Digests bool
}

// Export returns a File with all that a store has: plans, groups, keys and links, sorted
// by their IDs, and the links of one key by age. A Diff with it is empty. File.YAML
// returns its text.
func Export(ctx context.Context, s Services, cfg ExportConfig) (*File, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	f := &File{Version: 1, Plans: []usageplan.Plan{}}
	for p, err := range s.Plans.All(ctx) {
		if err != nil {
			return nil, err
		}
		p.Created, p.Updated, p.Version = time.Time{}, time.Time{}, 0
		f.Plans = append(f.Plans, p)
	}
	slices.SortFunc(f.Plans, func(a, b usageplan.Plan) int { return cmp.Compare(a.ID, b.ID) })
	if s.Groups != nil {
		if err := f.addGroups(ctx, s.Groups); err != nil {
			return nil, err
		}
	}
	if cfg.WithoutKeys {
		return f, nil
	}
	return f, f.addKeys(ctx, &s, cfg.Digests)
}

func (f *File) addGroups(ctx context.Context, groups *usageplan.Groups) error {
	f.Groups = []usageplan.Group{}
	for g, err := range groups.All(ctx, usageplan.GroupFilter{}) {
		if err != nil {
			return err
		}
		g.Created, g.Updated, g.Version = time.Time{}, time.Time{}, 0
		f.Groups = append(f.Groups, g)
	}
	slices.SortFunc(f.Groups, func(a, b usageplan.Group) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// addKeys adds the keys and their links. A link to a plan that does not exist has no
// effect, so it is left out.
func (f *File) addKeys(ctx context.Context, s *Services, digests bool) error {
	f.Keys = []Key{}
	f.Links = []usageplan.Link{}
	for k, err := range s.Keys.All(ctx, apikey.Filter{}) {
		if err != nil {
			return err
		}
		if digests && !k.HasSecret() {
			continue // no file can create it
		}
		f.Keys = append(f.Keys, exported(&k, digests))
	}
	slices.SortFunc(f.Keys, func(a, b Key) int { return cmp.Compare(a.ID, b.ID) })
	links := make([][]usageplan.Link, len(f.Keys))
	err := each(ctx, f.Keys, func(ctx context.Context, i int, k Key) (err error) {
		links[i], err = s.Plans.KeyLinks(ctx, k.ID)
		return err
	})
	if err != nil {
		return err
	}
	known := byID(f.Plans, func(p *usageplan.Plan) string { return p.ID })
	for _, of := range links {
		for _, l := range of {
			if known[l.PlanID] != nil {
				l.Allowance, l.Created, l.Version = "", time.Time{}, 0
				f.Links = append(f.Links, l)
			}
		}
	}
	return nil
}

// exported returns the fields of a key that a file can have. It leaves out those that are
// empty.
func exported(k *apikey.Key, digest bool) Key {
	e := Key{
		ID: k.ID, Name: unlessZero(k.Name), Description: unlessZero(k.Description), CustomerID: unlessZero(k.CustomerID),
		GroupID: unlessZero(k.GroupID), Enabled: &k.Enabled,
	}
	if len(k.Tags) > 0 {
		e.Tags = k.Tags
	}
	if len(k.StageKeys) > 0 {
		e.StageKeys = k.StageKeys
	}
	if len(k.Scopes) > 0 {
		e.Scopes = k.Scopes
	}
	if len(k.Networks) > 0 {
		e.Networks = k.Networks
	}
	if !k.Expires.IsZero() {
		e.Expires = new(Expiry(k.Expires.UTC()))
	}
	if digest {
		e.Digest = k.Digest
	}
	return e
}

func unlessZero(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
