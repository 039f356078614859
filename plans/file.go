package plans

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// A File declares plans, groups, keys and links. Parse, ReadFile and Export make one. A
// program may also fill one, and then Diff and Apply report faults without positions.
//
// A section that the file does not have is nil. A section that it has is not nil, also if
// it is empty: see Config.Prune.
type File struct {
	// Version is the version of the form. The default is 1, and there is no other yet.
	Version int `json:"version,omitzero"`

	// Plans are declared as a whole: a member that the file does not have is unset in the
	// stored plan, too. So are Groups, and the overrides of Links. Times, versions and the
	// Allowance are not declared.
	Plans  []usageplan.Plan  `json:"plans,omitzero"`
	Groups []usageplan.Group `json:"groups,omitzero"`

	// Keys are declared in part: see Key.
	Keys []Key `json:"keys,omitzero"`

	Links []usageplan.Link `json:"links,omitzero"`

	source source
}

// A Key declares fields of a key. A field that is nil keeps the value that it has in the
// store, because others may manage it, such as a control plane.
type Key struct {
	ID          string  `json:"id"`
	Name        *string `json:"name,omitzero"`
	Description *string `json:"description,omitzero"`
	CustomerID  *string `json:"customerId,omitzero"`
	Enabled     *bool   `json:"enabled,omitzero"`
	Expires     *Expiry `json:"expires,omitzero"`

	// GroupID names the group of the key. If it points to "", the key is in none.
	GroupID *string `json:"groupId,omitzero"`

	// Tags, StageKeys, Scopes and Networks, if they are empty but not nil, leave the key
	// with none. A key without Networks may be used from everywhere.
	Tags      apikey.Tags    `json:"tags,omitzero"`
	StageKeys []string       `json:"stageKeys,omitzero"`
	Scopes    []string       `json:"scopes,omitzero"`
	Networks  []netip.Prefix `json:"networks,omitzero"`

	// Digest is the SHA-256 of the secret, in 64 hexadecimal digits. A key that does not
	// exist is created from it, and then Enabled must be set. A key that exists keeps its
	// secrets, so that a file does not undo a rotation.
	Digest apikey.Digest `json:"digest,omitzero"`
}

// An Expiry is the time at which a key expires. If zero, the key never expires. The text
// form is that of RFC 3339, such as "2030-01-31T00:00:00Z", or "never".
type Expiry time.Time

const never = "never"

// MarshalText returns the text form.
func (e Expiry) MarshalText() ([]byte, error) {
	if time.Time(e).IsZero() {
		return []byte(never), nil
	}
	return time.Time(e).MarshalText()
}

// UnmarshalText sets e from the text form.
func (e *Expiry) UnmarshalText(text []byte) error {
	if string(text) == never {
		*e = Expiry{}
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return fmt.Errorf("%.40q: want a time like %q, or %q", text, "2030-01-31T00:00:00Z", never)
	}
	if t.IsZero() {
		return fmt.Errorf("%.40q: the zero time, which never comes: want %q, or a later time", text, never)
	}
	*e = Expiry(t.UTC())
	return nil
}

// declared returns k with the fields of the file.
func (d *Key) declared(k apikey.Key) apikey.Key {
	k.ID = d.ID
	set(&k.Name, d.Name)
	set(&k.Description, d.Description)
	set(&k.CustomerID, d.CustomerID)
	set(&k.GroupID, d.GroupID)
	set(&k.Enabled, d.Enabled)
	if d.Tags != nil {
		k.Tags = d.Tags
	}
	if d.StageKeys != nil {
		k.StageKeys = d.StageKeys
	}
	if d.Scopes != nil {
		k.Scopes = d.Scopes
	}
	if d.Networks != nil {
		k.Networks = d.Networks
	}
	if d.Expires != nil {
		k.Expires = time.Time(*d.Expires)
	}
	return k
}

// set sets a field to a value that the file has.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
