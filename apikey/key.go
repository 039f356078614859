package apikey

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/ration-go/ration/internal/strict"
)

// Why a known key may not be used. Accepts and Usable return them.
var (
	ErrDisabled = errors.New("apikey: disabled")
	ErrExpired  = errors.New("apikey: expired")
)

// Key is what is kept of an API key. Its secret is not in it, unless sealed. Copies share
// Tags, StageKeys and Sealed: clone a key before you change those.
//
// A Service keeps times in UTC and whole microseconds, so that a Key is equal to itself
// after JSON and most databases. The JSON form is stable: stores may keep it.
type Key struct {
	// ID names the key to people and programs, for ever; it is not secret. 1 to 64 ASCII
	// letters, digits, '_' and '-'.
	ID string `json:"id"`

	// Name and Description are for people; neither needs to be unique. At most 1024 and
	// 125000 characters, as in Amazon API Gateway; no control characters in the name.
	Name        string `json:"name,omitzero"`
	Description string `json:"description,omitzero"`

	// CustomerID is whose key it is, in the service's own words or those of AWS Marketplace;
	// Tags are for people and their tools.
	CustomerID string `json:"customerId,omitzero"`
	Tags       Tags   `json:"tags,omitzero"`

	// StageKeys are the stages, each "api/stage", that the key was given in the way of
	// Amazon API Gateway before it had usage plans. They are kept for the tools that read
	// them, and mean nothing: a key is for the stages of its plans. At most 100.
	StageKeys []string `json:"stageKeys,omitzero"`

	// Hint is what may be shown of the secret, as Secret.String makes it.
	Hint string `json:"hint,omitzero"`

	// Enabled says whether the key may be used. A new key is disabled unless this is set, as
	// with CreateApiKey of Amazon API Gateway.
	Enabled bool `json:"enabled"`

	// Digest is of the secret, and Retiring of the one it replaced, which is good until
	// RetiringUntil. Both are zero if none is retiring; after RetiringUntil they may stay.
	Digest        Digest    `json:"digest"`
	Retiring      Digest    `json:"retiring,omitzero"`
	RetiringUntil time.Time `json:"retiringUntil,omitzero"`

	// Sealed is the secret under Config.Seal, for those who must be able to show it again;
	// nil: nobody can.
	Sealed []byte `json:"sealed,omitzero"`

	// Expires is the instant from which the key may not be used; zero: never.
	Expires time.Time `json:"expires,omitzero"`

	// Created and Updated are when the key was made and last changed.
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`

	// Version is 1 for a new key and grows by one with every change.
	Version int64 `json:"version"`
}

// UnmarshalJSON decodes an object. A member that Key does not have, one that is there
// twice, and null are errors, since a date of expiry with a typing error would be none.
// Fields that the object does not name stay as they are. Errors wrap ErrInvalid.
//
// A struct that embeds a Key decodes as a Key alone. Make the Key a named field there.
func (k *Key) UnmarshalJSON(text []byte) error {
	type fields Key
	if err := strict.Unmarshal(text, (*fields)(k)); err != nil {
		return fmt.Errorf("%w key: %w", ErrInvalid, err)
	}
	return nil
}

// Clone is a copy that shares nothing.
func (k Key) Clone() Key {
	k.Tags, k.StageKeys, k.Sealed = maps.Clone(k.Tags), slices.Clone(k.StageKeys), slices.Clone(k.Sealed)
	return k
}

// Usable says whether the key may be used at that time: nil, ErrDisabled or ErrExpired.
func (k *Key) Usable(at time.Time) error {
	if !k.Enabled {
		return ErrDisabled
	}
	if k.expired(at) {
		return ErrExpired
	}
	return nil
}

// Accepts says whether d is of a secret that is good for this key at that time. It is
// nil, or ErrNotFound if d is neither of the current secret nor of one that still
// retires, or what Usable returns: a retiring secret never outlives its key. The
// comparison takes the same time for every d.
func (k *Key) Accepts(d Digest, at time.Time) error {
	current, retiring := d.Equal(&k.Digest), d.Equal(&k.Retiring)
	if d == (Digest{}) || !current && !(retiring && at.Before(k.RetiringUntil)) {
		return ErrNotFound
	}
	return k.Usable(at)
}

func (k *Key) expired(at time.Time) bool { return !k.Expires.IsZero() && !at.Before(k.Expires) }

// LogValue is what a log should say of a key: its id, name and hint, and whether it is
// enabled.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", k.ID),
		slog.String("name", k.Name),
		slog.String("hint", k.Hint),
		slog.Bool("enabled", k.Enabled),
	)
}
