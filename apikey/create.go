package apikey

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/history"
)

// Create creates a key and its secret. It takes these fields of k: Name, Description,
// Enabled, CustomerID, GroupID, Tags, StageKeys, Scopes, Networks, Expires and ID.
// Expires is zero or in the future. An empty ID is replaced by 16 random lower-case
// letters and digits. The key is disabled unless k.Enabled is set.
//
// The secret is returned only here. If the error is the Store's and not one of this
// package's, the store may hold a key whose secret nobody knows. Delete it.
//
// Caution: the ID of a deleted key is free again. A new key with that ID inherits
// whatever others keep under it, such as the links of package usageplan. See Delete.
//
// Errors: ErrInvalid, ErrExists for an ID that is taken, and those of Config.CheckGroup.
func (s *Service) Create(ctx context.Context, k Key) (Key, Secret, error) {
	secret, fault := s.format.make()
	k, err := s.insert(ctx, history.Create, k, func(k *Key) { s.setSecret(k, secret) }, fault)
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

// insert stores a new key with the fields of asked that a caller may set. secure sets
// the fields of the secret. fault is a fault that the caller has found, or nil. action is
// what the History is told.
func (s *Service) insert(ctx context.Context, action string, asked Key, secure func(*Key), fault error) (Key, error) {
	k, err := newKey(asked, secure, fault)
	if err != nil {
		return Key{}, err
	}
	if k.GroupID != "" && s.check != nil {
		if err := s.check(ctx, k.GroupID); err != nil {
			return Key{}, fmt.Errorf("apikey: group of the key: %w", err)
		}
	}
	if err := s.store.InsertKey(ctx, k); err != nil {
		return Key{}, err
	}
	s.tell(ctx, action, nil, &k)
	return k, nil
}

// newKey returns the key that insert stores, or all its faults.
func newKey(asked Key, secure func(*Key), fault error) (Key, error) {
	now := instant(time.Now())
	k := Key{ID: asked.ID, GroupID: asked.GroupID, Created: now, Updated: now, Version: 1}
	if k.ID == "" {
		k.ID = strings.ToLower(rand.Text()[:idLen])
	}
	k.set(asked)
	secure(&k)
	faults := append(k.faults(), fault)
	if k.expired(now) {
		faults = append(faults, fmt.Errorf("expires: %v: want a time in the future", k.Expires))
	}
	return k, invalid(faults...)
}

// set copies the fields of asked that a caller may change.
func (k *Key) set(asked Key) {
	k.Name = asked.Name
	k.Description = asked.Description
	k.CustomerID = asked.CustomerID
	k.Tags = maps.Clone(asked.Tags)
	k.StageKeys = slices.Clone(asked.StageKeys)
	k.Scopes = slices.Concat(asked.Scopes) // nil if there are none
	k.Networks = slices.Concat(asked.Networks)
	k.Enabled = asked.Enabled
	k.Expires = instant(asked.Expires)
}
