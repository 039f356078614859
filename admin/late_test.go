package admin_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestLateExtension sends forms after the window has ended for which they were loaded.
// What was left of the old window must not replace the whole of the new one.
func TestLateExtension(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.plan("gold", "unlimited", "9/day")
		_, err := f.groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: "gold"})
		require.NoError(t, err)
		secret := f.key(apikey.Key{ID: "k", GroupID: "acme"}, "gold")
		for range 9 {
			require.Equal(t, gate.Admitted, f.reason(secret))
		}
		for form, action := range map[string]string{
			"/usage/keys/k/extend?plan=gold&quota=day":      "/usage/keys/k/extend",
			"/usage/groups/acme/extend?plan=gold&quota=day": "/usage/groups/acme/extend",
		} {
			values := formFields(f.get(form))
			values["remaining"] = "0"
			time.Sleep(11 * time.Hour) // the token is good for longer
			status, page, header := f.send("POST", action, encode(values), nil)
			require.Equal(t, http.StatusSeeOther, status, page)
			require.Contains(t, header.Get("Location"), "extended")

			values = formFields(f.get(form))
			values["remaining"] = "0"
			time.Sleep(time.Until(time.Now().Truncate(day).Add(day))) // midnight
			for range 2 {
				values["token"] = f.token("ada")
				status, page, _ = f.send("POST", action, encode(values), nil)
				require.Equal(t, http.StatusConflict, status, page)
				require.Contains(t, page, "The window has ended")
			}
			require.Equal(t, gate.Admitted, f.reason(secret))
		}
	})
}

// slowKeys is a store that takes its time to return a key.
type slowKeys struct {
	apikey.Store
	takes time.Duration
}

func (s *slowKeys) Key(ctx context.Context, id string) (apikey.Key, error) {
	time.Sleep(s.takes)
	return s.Store.Key(ctx, id)
}

// TestExtensionAtMidnight sends a form a second before its window ends, while the store
// is slow. The next window stays whole.
func TestExtensionAtMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowKeys{}
		f := newFixture(t, func(_ *admin.Config, b *backend) { slow.Store, b.keys = b.Store, slow })
		f.plan("gold", "unlimited", "9/day")
		secret := f.key(apikey.Key{ID: "k"}, "gold")
		for _, takes := range []time.Duration{600 * time.Millisecond, 2 * time.Second} { // two keys are read
			time.Sleep(time.Until(time.Now().Truncate(day).Add(day)) - time.Second)
			body := f.formOf("/usage/keys/k/extend?plan=gold&quota=day", fields{"remaining": "0"})
			slow.takes = takes
			_, _, _ = f.send("POST", "/usage/keys/k/extend", body, nil)
			slow.takes = 0
			time.Sleep(time.Second)
			require.Equal(t, gate.Admitted, f.reason(secret), takes)
		}
	})
}
