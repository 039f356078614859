package plans_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestExport fills a store with random plans, groups, keys and links. The file that
// Export returns changes nothing in the store, and makes the same of an empty one.
func TestExport(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		rnd := newRandom(seed)
		_, s := inMemory(t)
		rnd.fill(t, s)
		f, err := plans.Export(t.Context(), s, plans.ExportConfig{Digests: true})
		require.NoError(t, err)
		text, err := f.YAML()
		require.NoError(t, err)

		read := parse(t, string(text))
		again, err := read.YAML()
		require.NoError(t, err)
		require.Equal(t, string(text), string(again), seed)
		for _, f := range []*plans.File{f, read} {
			d, err := plans.Diff(t.Context(), s, f, plans.Config{Prune: true})
			require.NoError(t, err, "seed %d\n%s", seed, text)
			require.Equal(t, "no changes", d.String(), "seed %d\n%s", seed, text)
		}

		_, empty := inMemory(t)
		apply(t, empty, string(text), plans.Config{})
		f, err = plans.Export(t.Context(), empty, plans.ExportConfig{Digests: true})
		require.NoError(t, err)
		copied, err := f.YAML()
		require.NoError(t, err)
		require.Equal(t, string(text), string(copied), seed)
	}
}

// TestExportWithoutKeys checks what each ExportConfig leaves out.
func TestExportWithoutKeys(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	secret := createKey(t, s, "k")
	apply(t, s, "plans: [{id: p, quotas: [1/day]}]\ngroups: [{id: g}]\nlinks: [{planId: p, keyId: k}]", plans.Config{})
	for want, cfg := range map[string]plans.ExportConfig{
		"version: 1\nplans:\n  - id: p\n    quotas: [1/day]\ngroups:\n  - id: g\n": {WithoutKeys: true},
		"version: 1\nplans:\n  - id: p\n    quotas: [1/day]\ngroups:\n  - id: g\nkeys:\n  - id: k\n    enabled: true\n" +
			"links:\n  - planId: p\n    keyId: k\n": {},
	} {
		f, err := plans.Export(t.Context(), s, cfg)
		require.NoError(t, err)
		text, err := f.YAML()
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		require.NotContains(t, string(text), string(secret))
	}
}

// TestExportOfRevoked exports a key whose secret was revoked. No file can create it, so
// the whole file would be refused in another store. With digests the key is left out.
func TestExportOfRevoked(t *testing.T) {
	t.Parallel()
	_, s := inMemory(t)
	secret := createKey(t, s, "revoked")
	createKey(t, s, "good")
	apply(t, s, "plans: [{id: p, quotas: [1/day]}]\nlinks: [{planId: p, keyId: good}, {planId: p, keyId: revoked}]", plans.Config{})
	_, _, err := s.Keys.Revoke(t.Context(), apikey.DigestOf(string(secret)))
	require.NoError(t, err)

	for _, digests := range []bool{true, false} {
		f, err := plans.Export(t.Context(), s, plans.ExportConfig{Digests: digests})
		require.NoError(t, err)
		d, err := plans.Diff(t.Context(), s, f, plans.Config{Prune: true})
		require.NoError(t, err)
		require.True(t, d.Empty(), d.String())
		require.Len(t, f.Keys, map[bool]int{true: 1, false: 2}[digests])
		if digests {
			_, empty := inMemory(t)
			made, err := plans.Apply(t.Context(), empty, f, plans.Config{})
			require.NoError(t, err)
			require.Len(t, made.Changes, 3, "the plan, the good key and its link")
		}
	}
}

// A random makes records that are valid.
type random struct{ *rand.Rand }

func newRandom(seed uint64) random { return random{rand.New(rand.NewPCG(seed, 1))} }

// texts are names that YAML could take for something else.
var texts = []string{
	"plain", "yes", "null", "~", "true", "1e3", "0x10", "-", "- a", "a: b", "# a", "a #b", "é😀", " a ", "2030-01-01", "<<", "*a", "&a", "!a",
	"{}", "[", "'", `"`, `\u0041`, "a\tb", "%", "@", "`", "|", ">", "0123", "1_000", ".inf", "a\u2028b", "\u00a0", "No", "?",
}

func (r random) text() string { return texts[r.IntN(len(texts))] }

func pick[T any](r random, list ...T) T { return list[r.IntN(len(list))] }

func (r random) limit() limiter.Limit {
	return limiter.Limit{Rate: rate.Limit(pick(r, 0.25, 1, 5, 1.0/3, 1000)), Burst: 1 + r.IntN(50)}
}

func (r random) limits() (l usageplan.Limits) {
	for i := range r.IntN(2) {
		l.Throttles = append(l.Throttles, usageplan.Throttle{
			Limit: r.limit(), Unit: pick(r, "", "requests", "tokens"), Name: fmt.Sprintf("t %d", i), Soft: r.IntN(3) == 0,
		})
	}
	for i := range 1 + r.IntN(2) {
		q := quota.Quota{Limit: r.Int64N(1000), Period: pick(r, quota.Minute, quota.Day, quota.Month), Unit: pick(r, "", "tokens"), Name: fmt.Sprintf("q: %d", i)}
		if q.Period == quota.Month {
			q.StartDay = r.IntN(3)
			q.Location = pick(r, nil, time.UTC)
		}
		l.Quotas = append(l.Quotas, q)
	}
	return l
}

func (r random) plan(id string) usageplan.Plan {
	l := r.limits()
	p := usageplan.Plan{ID: id, Name: r.text(), Description: r.text() + "\n" + r.text(), Throttles: l.Throttles, Quotas: l.Quotas, ProductCode: r.text()}
	if r.IntN(2) == 0 {
		p.Throttle = new(r.limit())
	}
	if r.IntN(2) == 0 {
		p.For = map[string]usageplan.Limits{"opus": r.limits(), "GET /pets/{id}": r.limits()}
		p.Routes = map[string]limiter.Limit{"*": r.limit(), "GET /a: b": r.limit()}
	}
	if r.IntN(3) == 0 {
		p.Stages = []usageplan.Stage{{API: "api", Name: id}}
		p.StageRoutes = map[usageplan.Stage]map[string]limiter.Limit{{API: "api", Name: "x y"}: {"/x": r.limit()}}
	} else {
		p.Detached = r.IntN(5) == 0
	}
	if r.IntN(2) == 0 {
		p.Tags = apikey.Tags{"env": "yes", "1": "2", "a: b": ""}
	}
	return p
}

// overrides returns overrides that are nil, empty or set.
func (r random) overrides() (*limiter.Limit, []usageplan.Throttle, []quota.Quota) {
	switch r.IntN(4) {
	case 0:
		return new(r.limit()), []usageplan.Throttle{}, []quota.Quota{}
	case 1:
		return nil, []usageplan.Throttle{}, []quota.Quota{{Limit: 1, Period: quota.Year}}
	}
	return nil, nil, nil
}

func (r random) fill(t *testing.T, s plans.Services) {
	ctx := t.Context()
	for i := range 5 {
		require.NoError(t, ignore(s.Plans.Create(ctx, r.plan(fmt.Sprintf("%d", i)))))
	}
	parent := ""
	for i := range 4 {
		g := usageplan.Group{ID: fmt.Sprintf("g%d", 9-i), Name: r.text(), ParentID: parent, PlanID: fmt.Sprintf("%d", r.IntN(5))}
		g.Throttle, g.Throttles, g.Quotas = r.overrides()
		require.NoError(t, ignore(s.Groups.Create(ctx, g)))
		if parent = pick(r, "", g.ID); i == 2 {
			parent = ""
		}
	}
	for i := range 6 {
		k := apikey.Key{
			ID: fmt.Sprintf("k%d", i), Name: pick(r, "", "yes", "é😀", "- a"), Description: pick(r, "", "a\nb\n", " a"), CustomerID: r.text(),
			Enabled: r.IntN(2) == 0, GroupID: pick(r, "", "g9", "g8"),
		}
		if r.IntN(2) == 0 {
			k.Tags = apikey.Tags{"a": "b"}
			k.StageKeys = []string{"a/b: c"}
			k.Scopes = []string{"orders:*", pick(r, "*", "!yes")}
			k.Networks = []netip.Prefix{netip.MustParsePrefix(pick(r, "::/0", "192.0.2.0/24"))}
			k.Expires = time.Now().Add(time.Hour)
		}
		require.NoError(t, ignore(s.Keys.ImportDigest(ctx, k, apikey.DigestOf(k.ID))))
		for range 2 {
			l := usageplan.Link{KeyID: k.ID, PlanID: fmt.Sprintf("%d", r.IntN(5))}
			l.Throttle, l.Throttles, l.Quotas = r.overrides()
			_, _ = s.Plans.AddLink(ctx, l) // refused if the plans clash
		}
	}
}

// TestRandomChanges turns one random store into another, by two callers at once.
func TestRandomChanges(t *testing.T) {
	t.Parallel()
	made := 0
	for seed := range uint64(120) {
		_, from := inMemory(t)
		_, to := inMemory(t)
		newRandom(seed).fill(t, from)
		newRandom(seed+1000).fill(t, to)
		f, err := plans.Export(t.Context(), to, plans.ExportConfig{Digests: true})
		require.NoError(t, err)
		var wg sync.WaitGroup
		var other error
		wg.Go(func() { _, other = plans.Apply(t.Context(), from, f, plans.Config{Prune: true}) })
		_, err = plans.Apply(t.Context(), from, f, plans.Config{Prune: true})
		wg.Wait()
		if errors.Is(err, plans.ErrInvalid) { // groups of other families, which cannot change
			require.ErrorContains(t, err, "parentId")
			require.NotRegexp(t, `(?m)^(plans|keys|links)\[`, err.Error())
			continue
		}
		require.NoError(t, errors.Join(err, other), seed)
		made++
		d, err := plans.Diff(t.Context(), from, f, plans.Config{Prune: true})
		require.NoError(t, err)
		require.Equal(t, "no changes", d.String())
	}
	require.Greater(t, made, 20)
}
