package apikey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

const day = 24 * time.Hour

// TestReminders lists the reminders of keys on some days after their creation.
func TestReminders(t *testing.T) {
	type when struct {
		day  int
		want string // kinds and days of the deadlines
	}
	none := func(*testing.T, *apikey.Service, apikey.Key, apikey.Secret) {}
	for name, c := range map[string]struct {
		cfg     apikey.ReminderConfig
		expires int // days after the creation, or 0
		change  func(t *testing.T, keys *apikey.Service, k apikey.Key, secret apikey.Secret)
		steps   []when
	}{
		"no bound":        {apikey.ReminderConfig{}, 0, none, []when{{0, ""}, {1000, ""}}},
		"old":             {apikey.ReminderConfig{MaxAge: 90 * day}, 0, none, []when{{0, ""}, {75, ""}, {76, "rotate 90"}, {90, "rotate 90"}, {1000, "rotate 90"}}},
		"ahead":           {apikey.ReminderConfig{MaxAge: 90 * day, Ahead: day}, 0, none, []when{{88, ""}, {89, "rotate 90"}}},
		"short MaxAge":    {apikey.ReminderConfig{MaxAge: day}, 0, none, []when{{0, "rotate 1"}}},
		"expires":         {apikey.ReminderConfig{}, 100, none, []when{{85, ""}, {86, "expiry 100"}, {99, "expiry 100"}, {100, ""}}},
		"both":            {apikey.ReminderConfig{MaxAge: 90 * day}, 100, none, []when{{80, "rotate 90"}, {90, "rotate 90, expiry 100"}}},
		"disabled":        {apikey.ReminderConfig{MaxAge: 90 * day}, 100, disable, []when{{90, ""}}},
		"rotated":         {apikey.ReminderConfig{MaxAge: 90 * day}, 0, rotateOnDay(80), []when{{90, ""}, {156, "rotate 170"}}},
		"secret ends":     {apikey.ReminderConfig{}, 0, endOnDay(20), []when{{5, ""}, {6, "rotate 20"}, {21, "rotate 20"}}},
		"ends, rotated":   {apikey.ReminderConfig{}, 0, endedAndRotated, []when{{6, ""}, {21, ""}}},
		"changed, not so": {apikey.ReminderConfig{MaxAge: 90 * day}, 0, rename, []when{{76, "rotate 90"}}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, keys *apikey.Service, _ *mapStore) {
				began := time.Now().UTC()
				k := apikey.Key{ID: "k", Enabled: true}
				if c.expires > 0 {
					k.Expires = began.Add(time.Duration(c.expires) * day)
				}
				k, secret, err := keys.Create(t.Context(), k)
				require.NoError(t, err)
				c.change(t, keys, k, secret)
				for _, step := range c.steps {
					pass(time.Until(began.Add(time.Duration(step.day) * day)))
					var got []string
					for r, err := range keys.Reminders(t.Context(), apikey.Filter{}, c.cfg) {
						require.NoError(t, err)
						require.Equal(t, "k/"+r.Kind+"/"+r.At.Format(time.RFC3339Nano), r.ID)
						got = append(got, r.Kind+" "+fmtDays(r.At.Sub(began)))
					}
					require.Equal(t, step.want, strings.Join(got, ", "), "day %d", step.day)
				}
			})
		})
	}
}

func fmtDays(d time.Duration) string { return strings.TrimSuffix((d / 24).String(), "h0m0s") }

func disable(t *testing.T, keys *apikey.Service, k apikey.Key, _ apikey.Secret) {
	_, err := keys.Disable(t.Context(), k.ID)
	require.NoError(t, err)
}

func rename(t *testing.T, keys *apikey.Service, k apikey.Key, _ apikey.Secret) {
	pass(50 * day)
	_, err := keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { k.Name = "other"; return nil })
	require.NoError(t, err)
}

func rotateOnDay(n int) func(*testing.T, *apikey.Service, apikey.Key, apikey.Secret) {
	return func(t *testing.T, keys *apikey.Service, k apikey.Key, _ apikey.Secret) {
		pass(time.Duration(n) * day)
		rotated, _, err := keys.Rotate(t.Context(), k.ID, day)
		require.NoError(t, err)
		require.Equal(t, time.Now().UTC(), rotated.SecretCreated())
	}
}

func endOnDay(n int) func(*testing.T, *apikey.Service, apikey.Key, apikey.Secret) {
	return func(t *testing.T, keys *apikey.Service, _ apikey.Key, secret apikey.Secret) {
		_, _, err := keys.EndSecret(t.Context(), apikey.DigestOf(string(secret)), time.Now().Add(time.Duration(n)*day))
		require.NoError(t, err)
	}
}

func endedAndRotated(t *testing.T, keys *apikey.Service, k apikey.Key, secret apikey.Secret) {
	endOnDay(20)(t, keys, k, secret)
	_, _, err := keys.Rotate(t.Context(), k.ID, day)
	require.NoError(t, err)
}

// TestRemindersFail checks the errors of Reminders.
func TestRemindersFail(t *testing.T) {
	keys := must(apikey.NewService(newMapStore(), apikey.Config{}))
	for _, cfg := range []apikey.ReminderConfig{{MaxAge: -1}, {Ahead: -1}} {
		for _, err := range keys.Reminders(t.Context(), apikey.Filter{}, cfg) {
			require.ErrorIs(t, err, apikey.ErrInvalid)
		}
	}
}
