package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The published test vector of Standard Webhooks.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTimestamp = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func aSecret(t *testing.T, text string) Secret {
	s, err := ParseSecret(text)
	require.NoError(t, err)
	return s
}

// TestSign compares a signature with the published one.
func TestSign(t *testing.T) {
	h := http.Header{}
	signHeader(h, []Secret{aSecret(t, vectorSecret)}, vectorID, time.Unix(vectorTimestamp, 0), []byte(vectorBody))
	require.Equal(t, vectorID, h.Get("webhook-id"))
	require.Equal(t, fmt.Sprint(vectorTimestamp), h.Get("webhook-timestamp"))
	require.Equal(t, vectorSignature, h.Get("webhook-signature"))
}

// TestVerify changes one part of a message at a time.
func TestVerify(t *testing.T) {
	at, other := time.Unix(vectorTimestamp, 0), Secret("another secret of 24 byte")
	for name, c := range map[string]struct {
		change  func(h http.Header)
		now     time.Time
		secrets []Secret
		body    string
		ok      bool
	}{
		"as it was sent":          {nil, at, nil, vectorBody, true},
		"5 minutes late":          {nil, at.Add(5 * time.Minute), nil, vectorBody, true},
		"later":                   {nil, at.Add(5*time.Minute + time.Second), nil, vectorBody, false},
		"from the future":         {nil, at.Add(-5*time.Minute - time.Second), nil, vectorBody, false},
		"another body":            {nil, at, nil, vectorBody + " ", false},
		"another secret":          {nil, at, []Secret{other}, vectorBody, false},
		"one of two secrets":      {nil, at, []Secret{other, aSecret(t, vectorSecret)}, vectorBody, true},
		"no secret":               {nil, at, []Secret{}, vectorBody, false},
		"another ID":              {func(h http.Header) { h.Set(headerID, "evt_2") }, at, nil, vectorBody, false},
		"no ID":                   {func(h http.Header) { h.Del(headerID) }, at, nil, vectorBody, false},
		"another time":            {func(h http.Header) { h.Set(headerTimestamp, "1614265331") }, at, nil, vectorBody, false},
		"no time":                 {func(h http.Header) { h.Set(headerTimestamp, "now") }, at, nil, vectorBody, false},
		"no signature":            {func(h http.Header) { h.Del(headerSignature) }, at, nil, vectorBody, false},
		"another signature":       {func(h http.Header) { h.Set(headerSignature, "v1,AAAA") }, at, nil, vectorBody, false},
		"one of two signatures":   {func(h http.Header) { h.Set(headerSignature, "v1a,AAAA "+vectorSignature) }, at, nil, vectorBody, true},
		"a part of the signature": {func(h http.Header) { h.Set(headerSignature, vectorSignature[:20]) }, at, nil, vectorBody, false},
	} {
		secret := aSecret(t, vectorSecret)
		if c.secrets == nil {
			c.secrets = []Secret{secret}
		}
		h := http.Header{}
		signHeader(h, []Secret{secret}, vectorID, at, []byte(vectorBody))
		if c.change != nil {
			c.change(h)
		}
		id, err := verifyHeader(h, c.secrets, c.now, []byte(c.body))
		if c.ok {
			require.NoError(t, err, name)
			require.Equal(t, vectorID, id, name)
			continue
		}
		require.ErrorIs(t, err, errUnsigned, name)
	}
}

// TestSecret checks which texts are secrets, and that a secret shows itself nowhere.
func TestSecret(t *testing.T) {
	for _, text := range []string{"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8G", "whsec_?", vectorSecret + "="} {
		_, err := ParseSecret(text)
		require.ErrorContains(t, err, "want whsec_ and the base64", text)
		require.NotContains(t, err.Error(), "MfKQ")
	}
	s := struct{ Secrets []Secret }{[]Secret{aSecret(t, vectorSecret)}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		require.Contains(t, fmt.Sprintf(verb, s), "...")
		require.NotContains(t, fmt.Sprintf(verb, s), "MfKQ")
		require.NotContains(t, fmt.Sprintf(verb, s), "31f290f6")
	}
}
