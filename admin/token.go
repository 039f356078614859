package admin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// tokenAge is how long a form can be sent after it was loaded.
const tokenAge = 12 * time.Hour

// tokenField is the name of the field that has the token of a form.
const tokenField = "token"

// tokens makes the tokens of forms. A token has the time when it was made, and the HMAC
// of that time and of the actor.
//
// A form also has to come from the page's own origin. So a token stops what a browser
// without such a check would send.
type tokens struct{ key []byte }

func newTokens(key []byte) (tokens, error) {
	if key == nil {
		key = make([]byte, sha256.Size)
		_, _ = rand.Read(key) // never fails
	}
	if len(key) < 16 {
		return tokens{}, errors.New("want at least 16 bytes, or nil")
	}
	return tokens{append([]byte(nil), key...)}, nil
}

// of returns a token for the forms of an actor.
func (t tokens) of(actor string, now time.Time) string {
	stamp := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(stamp, t.mac(stamp, actor)...))
}

func (t tokens) mac(stamp []byte, actor string) []byte {
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte("ration admin form\x00"))
	m.Write(stamp)
	m.Write([]byte(actor))
	return m.Sum(nil)
}

// check reports whether text is a token of the actor that is not too old.
func (t tokens) check(text, actor string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 8+sha256.Size {
		return false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(raw)), 0))
	return hmac.Equal(raw[8:], t.mac(raw[:8], actor)) && age < tokenAge && age > -time.Minute
}
