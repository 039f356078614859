package apikey

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/ration-go/ration/internal/strict"
)

// The errors for a known key that may not be used. Accepts and Usable return them.
var (
	ErrDisabled = errors.New("apikey: disabled")
	ErrExpired  = errors.New("apikey: expired")
)

// A Key is the stored record of an API key. It holds the secret only if the Service has a
// Seal, and then encrypted.
//
// Copying a Key shares Tags, StageKeys, Scopes, Networks and Sealed. Call Clone before
// you modify them.
//
// A Service keeps times in UTC and in whole microseconds. JSON and most databases hold
// such times exactly. The JSON form of a Key is stable, so stores may keep it.
type Key struct {
	// ID identifies the key. It never changes and is not secret. It has 1 to 64 ASCII
	// letters, digits, '_' and '-'.
	ID string `json:"id"`

	// Name and Description are for people, and need not be unique. Name has at most 1024
	// characters and no control characters. Description has at most 125000 characters.
	// These are the bounds of Amazon API Gateway.
	Name        string `json:"name,omitzero"`
	Description string `json:"description,omitzero"`

	// CustomerID identifies the customer that the key belongs to. It is a name of the
	// service's own, or a customer identifier of AWS Marketplace. It has at most 1024
	// characters.
	CustomerID string `json:"customerId,omitzero"`

	// GroupID is the ID of the group that the key is in, such as an organisation or a team.
	// See usageplan.Group. If empty, the key is in no group. It is set when the key is
	// created. Later only usageplan.Groups.MoveKey changes it, because what the key has used
	// moves along.
	GroupID string `json:"groupId,omitzero"`

	// Tags are for people and their tools.
	Tags Tags `json:"tags,omitzero"`

	// StageKeys lists stages, each as "api/stage". Amazon API Gateway gave keys to stages in
	// this way before it had usage plans. The list is kept for tools that read it. It has no
	// effect, because the plans of a key decide its stages. It has at most 100 entries.
	StageKeys []string `json:"stageKeys,omitzero"`

	// Scopes are what the key may be used for, such as "orders:read" or "orders:*". A route
	// that needs a scope refuses a key without it. So a key without Scopes may be used on
	// those routes only that need none. See HasScope for what "*" stands for.
	//
	// At most 100 scopes have 1 to 128 visible ASCII characters each, other than " and \.
	//
	// Security: a scope is what the client may do that has the key. It says nothing of the
	// users that the client acts for.
	Scopes []string `json:"scopes,omitzero"`

	// Networks are the prefixes of the addresses that the key may be used from, such as
	// 192.0.2.0/24. If empty, it may be used from everywhere. There are at most 50 prefixes.
	// A request from elsewhere is refused, and so is one from an address that is not known:
	// see AcceptsAddr.
	Networks []netip.Prefix `json:"networks,omitzero"`

	// Hint is the part of the secret that may be shown. See Secret.String.
	Hint string `json:"hint,omitzero"`

	// Enabled reports whether the key may be used. A new key is disabled unless Enabled is
	// set, as in CreateApiKey of Amazon API Gateway.
	Enabled bool `json:"enabled"`

	// Digest is the digest of the current secret. It is zero if that was revoked: the key
	// has no current secret until it is rotated.
	Digest Digest `json:"digest"`

	// Retiring is the digest of the previous secret, which is good until RetiringUntil. Both
	// are zero if no secret was rotated out. Both may stay set after RetiringUntil.
	Retiring      Digest    `json:"retiring,omitzero"`
	RetiringUntil time.Time `json:"retiringUntil,omitzero"`

	// Rotated is when the current secret replaced another one. It is zero for the first
	// secret of a key: see SecretCreated.
	Rotated time.Time `json:"rotated,omitzero"`

	// Sealed is the current secret, encrypted with Config.Seal. If nil, the secret cannot be
	// shown again.
	Sealed []byte `json:"sealed,omitzero"`

	// Expires is the instant from which the key may no longer be used. If zero, the key
	// never expires.
	Expires time.Time `json:"expires,omitzero"`

	// Created and Updated are the times when the key was created and last changed.
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`

	// Version is 1 for a new key, and grows by one with every change.
	Version int64 `json:"version"`
}

// UnmarshalJSON decodes an object. An unknown member, a repeated member and null are
// errors, so that a typing error in the name of "expires" does not make a key that never
// expires. Fields that the object does not name keep their values. The error wraps
// ErrInvalid.
//
// Caution: a struct that embeds a Key inherits this method, and decodes as a Key alone.
// Make the Key a named field there.
func (k *Key) UnmarshalJSON(text []byte) error {
	type fields Key
	if err := strict.Unmarshal(text, (*fields)(k)); err != nil {
		return fmt.Errorf("%w key: %w", ErrInvalid, err)
	}
	return nil
}

// Clone returns a copy that shares no memory with k.
func (k Key) Clone() Key {
	k.Tags, k.StageKeys, k.Sealed = maps.Clone(k.Tags), slices.Clone(k.StageKeys), slices.Clone(k.Sealed)
	k.Scopes, k.Networks = slices.Clone(k.Scopes), slices.Clone(k.Networks)
	return k
}

// Usable reports whether the key may be used at a time. It returns nil, ErrDisabled or
// ErrExpired.
func (k *Key) Usable(at time.Time) error {
	if !k.Enabled {
		return ErrDisabled
	}
	if k.expired(at) {
		return ErrExpired
	}
	return nil
}

// Accepts reports whether d is the digest of a secret that is good for the key at a time.
// It returns ErrNotFound if d is not the digest of the current secret or of a retiring
// one before RetiringUntil. Otherwise it returns the result of Usable, so a retiring
// secret is refused once its key has expired.
//
// Security: the comparison with the digests takes the same time for every d.
func (k *Key) Accepts(d Digest, at time.Time) error {
	// Both comparisons are always made, so that their time does not depend on d.
	current, retiring := d.Equal(&k.Digest), d.Equal(&k.Retiring)
	if d == (Digest{}) || !current && !(retiring && at.Before(k.RetiringUntil)) {
		return ErrNotFound
	}
	return k.Usable(at)
}

// HasSecret reports whether the key has a current secret. It has none after Revoke or
// EndSecret, until Rotate.
func (k *Key) HasSecret() bool { return k.Digest != (Digest{}) }

// SecretCreated returns when the current secret was created: Rotated, or Created if the
// key has its first secret. For one that was imported, that is the time of the import,
// since nothing is known of its age.
func (k *Key) SecretCreated() time.Time {
	if k.Rotated.IsZero() {
		return k.Created
	}
	return k.Rotated
}

func (k *Key) expired(at time.Time) bool { return !k.Expires.IsZero() && !at.Before(k.Expires) }

// LogValue returns what a log should show of a key: its ID, name and hint, and whether it
// is enabled.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", k.ID),
		slog.String("name", k.Name),
		slog.String("hint", k.Hint),
		slog.Bool("enabled", k.Enabled),
	)
}
