package admin_test

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// meeting is a store in which the first reads of a key wait for one another, so that all
// of them read the same version.
type meeting struct {
	*memory.Store
	mu      sync.Mutex
	missing int           // reads that have yet to come
	all     chan struct{} // closed when none is missing
}

func (s *meeting) Key(ctx context.Context, id string) (apikey.Key, error) {
	k, err := s.Store.Key(ctx, id)
	s.mu.Lock()
	if s.missing--; s.missing == 0 {
		close(s.all)
	}
	s.mu.Unlock()
	select {
	case <-s.all:
	case <-ctx.Done():
	}
	return k, err
}

// replica returns another process that serves the same page. Its reads of keys are those
// of keys.
func (f *fixture) replica(formKey []byte, keys apikey.Store) *fixture {
	other := *f
	of := usageplan.Config{History: f.history}
	other.keys = must(apikey.NewService(keys, apikey.Config{History: f.history}))
	other.plans, other.groups = must(usageplan.NewService(keys, f.st, of)), must(usageplan.NewGroups(keys, f.st, f.st, of))
	other.gate = must(gate.New(f.st, f.st, f.st, gate.Config{History: f.history}))
	f.t.Cleanup(func() { _ = other.gate.Close() })
	ada := admin.AuthFunc(func(*http.Request) (string, bool) { return "ada", true })
	other.page = must(admin.New(other.keys, other.plans, other.groups, other.gate, ada, admin.Config{FormKey: formKey}))
	return &other
}

var sharedFormKey = []byte("a key of two replicas")

// TestRotateAtOnce sends one form to two processes at the same instant. One of them
// rotates the key. The other must not end the secret that the first one has shown.
func TestRotateAtOnce(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited")
	old := f.key(apikey.Key{ID: "k"}, "gold")
	form := f.replica(sharedFormKey, f.st).formOf("/usage/keys/k/rotate", fields{"grace": "1h"})
	st := &meeting{Store: f.st, missing: 2, all: make(chan struct{})}
	pages := make([]string, 2)
	statuses := make([]int, 2)
	var both sync.WaitGroup
	for i := range pages {
		process := f.replica(sharedFormKey, st)
		both.Go(func() { statuses[i], pages[i], _ = process.send("POST", "/usage/keys/k/rotate", form, nil) })
	}
	both.Wait()
	require.ElementsMatch(t, []int{http.StatusOK, http.StatusConflict}, statuses)
	secret := secretOn(pages[0] + pages[1])
	require.Equal(t, gate.Admitted, f.reason(secret))
	require.Equal(t, gate.Admitted, f.reason(old))
	require.Equal(t, []string{"page ada rotate k"}, f.changes())
}

// TestFormsTwice sends each form to one process, and again to another one. The second
// time changes nothing, and its answer either says so or is that of the first time.
func TestFormsTwice(t *testing.T) {
	for _, c := range []struct {
		form, action string
		filled       fields
		second       int
		recorded     int // entries in the history after both
	}{
		{"/new-key", "/new-key", fields{"plan": "gold"}, http.StatusConflict, 2},
		{"/keys/k/rotate", "/keys/k/rotate", fields{"grace": "0"}, http.StatusConflict, 1},
		{"/keys/k/move?plan=gold", "/keys/k/move", fields{"to": "silver"}, http.StatusConflict, 1},
		{"/keys/k/unlink?plan=gold", "/keys/k/unlink", nil, http.StatusNotFound, 1},
		{"/keys/none/link", "/keys/none/link", fields{"plan": "gold"}, http.StatusUnprocessableEntity, 1},
		{"/keys/k/disable", "/keys/k/disable", nil, http.StatusSeeOther, 1},
		{"/keys/off", "/keys/off/enable", nil, http.StatusSeeOther, 1},
		{"/keys/k/extend?plan=gold&quota=day", "/keys/k/extend", fields{"remaining": "7"}, http.StatusSeeOther, 1},
	} {
		t.Run(c.action, func(t *testing.T) {
			f := newFixture(t)
			f.plan("gold", "unlimited", "9/day")
			f.plan("silver", "unlimited", "9/day")
			f.key(apikey.Key{ID: "k"}, "gold")
			f.key(apikey.Key{ID: "none"})
			f.key(apikey.Key{ID: "off"})
			_, err := f.keys.Disable(t.Context(), "off")
			require.NoError(t, err)
			one, two := f.replica(sharedFormKey, f.st), f.replica(sharedFormKey, f.st)
			form := one.formOf("/usage"+c.form, c.filled)
			status, page, _ := one.send("POST", "/usage"+c.action, form, nil)
			require.Less(t, status, 400, page)
			before := f.state()
			status, page, _ = two.send("POST", "/usage"+c.action, form, nil)
			require.Equal(t, c.second, status, page)
			require.Equal(t, before, f.state())
			require.Len(t, f.changes(), c.recorded)
		})
	}
}

// formOf returns the form of a page, filled in.
func (f *fixture) formOf(page string, filled fields) string {
	f.t.Helper()
	values := formFields(f.get(page))
	maps.Copy(values, filled)
	return encode(values)
}

// state returns what the forms change: keys, links, and what remains of quotas.
func (f *fixture) state() (all []any) {
	f.t.Helper()
	for k, err := range f.keys.All(f.t.Context(), apikey.Filter{}) {
		require.NoError(f.t, err)
		links, err := f.plans.KeyLinks(f.t.Context(), k.ID)
		require.NoError(f.t, err)
		all = append(all, k.ID, k.Enabled, k.Digest, len(links))
		for _, l := range links {
			all = append(all, l.PlanID)
		}
	}
	return all
}
