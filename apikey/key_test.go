package apikey_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func TestUsable(t *testing.T) {
	for _, c := range []struct {
		name string
		key  apikey.Key
		want error
	}{
		{"the zero key is disabled", apikey.Key{}, apikey.ErrDisabled},
		{"enabled", apikey.Key{Enabled: true}, nil},
		{"expires in a microsecond", apikey.Key{Enabled: true, Expires: noon.Add(time.Microsecond)}, nil},
		{"expires now", apikey.Key{Enabled: true, Expires: noon}, apikey.ErrExpired},
		{"expired", apikey.Key{Enabled: true, Expires: noon.Add(-time.Hour)}, apikey.ErrExpired},
		{"disabled and expired", apikey.Key{Expires: noon}, apikey.ErrDisabled},
	} {
		assert.Equal(t, c.want, c.key.Usable(noon), c.name)
	}
}

func TestAccepts(t *testing.T) {
	current, retiring, unknown := apikey.DigestOf("current"), apikey.DigestOf("retiring"), apikey.DigestOf("unknown")
	plain := apikey.Key{Enabled: true, Digest: current}
	rotated := apikey.Key{Enabled: true, Digest: current, Retiring: retiring, RetiringUntil: noon.Add(time.Hour)}
	with := func(k apikey.Key, change func(*apikey.Key)) apikey.Key { change(&k); return k }

	for _, c := range []struct {
		name   string
		key    apikey.Key
		digest apikey.Digest
		after  time.Duration // after noon
		want   error
	}{
		{"current", plain, current, 0, nil},
		{"unknown", plain, unknown, 0, apikey.ErrNotFound},
		{"zero digest, nothing retiring", plain, apikey.Digest{}, 0, apikey.ErrNotFound},
		{"zero digest, a key without one", apikey.Key{Enabled: true}, apikey.Digest{}, 0, apikey.ErrNotFound},
		{"zero digest, RetiringUntil alone", with(plain, func(k *apikey.Key) { k.RetiringUntil = noon.Add(time.Hour) }),
			apikey.Digest{}, 0, apikey.ErrNotFound},
		{"current of a rotated key", rotated, current, 0, nil},
		{"retiring", rotated, retiring, 0, nil},
		{"retiring, at the last moment", rotated, retiring, time.Hour - 1, nil},
		{"retired", rotated, retiring, time.Hour, apikey.ErrNotFound},
		{"current, after the other retired", rotated, current, time.Hour, nil},
		{"unknown, rotated key", rotated, unknown, 0, apikey.ErrNotFound},
		{"retiring without an end", with(rotated, func(k *apikey.Key) { k.RetiringUntil = time.Time{} }),
			retiring, 0, apikey.ErrNotFound},
		{"retiring of an expired key", with(rotated, func(k *apikey.Key) { k.Expires = noon }), retiring, 0, apikey.ErrExpired},
		{"current of an expired key", with(rotated, func(k *apikey.Key) { k.Expires = noon }), current, 0, apikey.ErrExpired},
		{"retiring of a disabled key", with(rotated, func(k *apikey.Key) { k.Enabled = false }), retiring, 0, apikey.ErrDisabled},
		{"unknown, disabled key", with(rotated, func(k *apikey.Key) { k.Enabled = false }), unknown, 0, apikey.ErrNotFound},
	} {
		assert.Equal(t, c.want, c.key.Accepts(c.digest, noon.Add(c.after)), c.name)
	}
}

func TestKeyJSON(t *testing.T) {
	full := apikey.Key{
		ID: "k1", Name: "né", Description: "a\nb\x00", Hint: "acme_…B32S", Enabled: true,
		Digest: apikey.DigestOf("a"), Retiring: apikey.DigestOf("b"), RetiringUntil: noon.Add(time.Hour),
		CustomerID: "c", GroupID: "g", Tags: apikey.Tags{"team": "a"}, Sealed: []byte("sealed"),
		Expires: noon.Add(time.Microsecond), Created: noon, Updated: noon, Version: 1 << 52,
	}
	for _, k := range []apikey.Key{full, {ID: "k2", Created: noon, Updated: noon, Version: 1}, {}} {
		j, err := json.Marshal(k)
		require.NoError(t, err)
		var back apikey.Key
		require.NoError(t, json.Unmarshal(j, &back))
		assert.Equal(t, k, back)
	}

	// Stores keep this form. It may grow, but not change.
	j, err := json.Marshal(full)
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"id": "k1", "name": "né", "description": "a\nb\u0000", "hint": "acme_…B32S", "enabled": true,
		"customerId": "c", "groupId": "g", "tags": {"team": "a"}, "sealed": "c2VhbGVk",
		"digest": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
		"retiring": "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d",
		"retiringUntil": "2026-03-14T13:00:00Z", "expires": "2026-03-14T12:00:00.000001Z",
		"created": "2026-03-14T12:00:00Z", "updated": "2026-03-14T12:00:00Z", "version": 4503599627370496
	}`, string(j))
}

func TestKeyLogValue(t *testing.T) {
	var buf bytes.Buffer
	key := apikey.Key{ID: "k1", Name: "n", Hint: "acme_…B32S", Enabled: true, Description: "long"}
	noTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	log := slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: noTime}))
	log.Info("made", "key", key)
	log.Info("made", "key", &key)
	line := "level=INFO msg=made key.id=k1 key.name=n key.hint=acme_…B32S key.enabled=true\n"
	assert.Equal(t, line+line, buf.String())
}
