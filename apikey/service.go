package apikey

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/retry"
)

const (
	defaultPage = 100
	maxPage     = 500 // as in Amazon API Gateway
	idLen       = 16  // base32 characters, which hold 80 bits
)

// Config configures a Service. The zero Config is ready for use.
type Config struct {
	// KeyFormat is the Format of the secrets that Create and Rotate create and Import
	// accepts. Give gate.Config the same Format.
	KeyFormat Format

	// Seal encrypts secrets, so that Reveal can show them again, as Amazon API Gateway does
	// with includeValue. If nil, only digests are kept, and nobody can show a secret again.
	//
	// Seal must be an AEAD with random nonces of at least 12 bytes, such as AES-GCM. The ID
	// of the key is authenticated with the secret.
	//
	// Security: anybody with both the Seal and the store can read all secrets.
	Seal cipher.AEAD `json:"-"`

	// CheckGroup returns an error if a key may not be created in a group, such as
	// usageplan.Groups.Check for one that does not exist. If nil, every group is accepted. A
	// Gate refuses a key in a group that does not exist.
	CheckGroup func(ctx context.Context, groupID string) error `json:"-"`

	// History is told of each change of a key, after it was made. If nil, nothing is
	// recorded.
	History history.Recorder `json:"-"`
}

// A Service creates, changes and lists the keys of a Store. It keeps no state, so any
// number of services, in any number of processes, may share one Store. It is safe for
// concurrent use.
//
// Config.History is told of changes that were made. An update without a difference is not
// recorded, nor is a change after which the Store failed. The entries of two changes of
// one key may come in either order, and their versions tell which was first.
//
// Its errors wrap ErrInvalid for bad arguments. Other errors are those of the Store. No
// error holds any part of a secret.
type Service struct {
	store  Store
	format Format
	seal   cipher.AEAD
	check  func(ctx context.Context, groupID string) error

	history history.Recorder
}

// NewService returns a Service on s. The error reports every fault at once and wraps
// ErrInvalid.
func NewService(s Store, cfg Config) (*Service, error) {
	err := invalid(nilcheck.Required("store", s, "an apikey.Store"),
		nilcheck.Optional("seal", cfg.Seal, "a cipher.AEAD, or none"), fault.In("keyFormat", cfg.KeyFormat.Validate()),
		nilcheck.Optional("history", cfg.History, "a history.Recorder, or none"))
	if err != nil {
		return nil, err
	}
	return &Service{store: s, format: cfg.KeyFormat, seal: cfg.Seal, check: cfg.CheckGroup, history: cfg.History}, nil
}

// KeyFormat returns the Format of the Service, for a Gate that must have the same.
func (s *Service) KeyFormat() Format { return s.format }

// Get returns the key with an ID, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id string) (Key, error) { return s.store.Key(ctx, id) }

// GetBySecret returns the key that has a secret as its current or its retiring one. The
// key may be disabled or expired, and the retiring secret may no longer be good. Verify
// returns only keys that may be used.
//
// Errors: ErrNotFound.
func (s *Service) GetBySecret(ctx context.Context, secret Secret) (Key, error) {
	return s.store.KeyByDigest(ctx, DigestOf(string(secret)))
}

// List returns a page of keys, newest first, and the cursor of the next page. The empty
// cursor begins the list. An empty next marks the last page. The limit is 1 to 500 keys.
// A limit of 0 means 100, and a greater limit means 500. A page before the last may have
// fewer keys than the limit, or none: see Store.Keys.
//
// Errors: ErrInvalid for a negative limit and for a cursor that is not from List.
func (s *Service) List(ctx context.Context, f Filter, cursor string, limit int) (keys []Key, next string, err error) {
	switch {
	case limit < 0:
		return nil, "", invalid(fmt.Errorf("limit: %d: want 0 to %d", limit, maxPage))
	case limit == 0:
		limit = defaultPage
	}
	return s.store.Keys(ctx, f, cursor, min(limit, maxPage))
}

// All yields every key, newest first. It reads the next page when the loop gets there. An
// error ends the loop, and comes with the zero Key.
func (s *Service) All(ctx context.Context, f Filter) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		for cursor, more := "", true; more; more = cursor != "" {
			keys, next, err := s.List(ctx, f, cursor, maxPage)
			if err != nil {
				yield(Key{}, err)
				return
			}
			for _, k := range keys {
				if !yield(k, nil) {
					return
				}
			}
			cursor = next
		}
	}
}

// Update changes a key and returns the new state. change may set Name, Description,
// Enabled, CustomerID, Tags, StageKeys, Scopes, Networks and Expires. Update restores any
// other field. A change of GroupID is an error: see Key.GroupID. Expires may be set to
// the past, and an expired key may be brought back.
//
// If others change the key at the same time, Update calls change again with the new
// state. So change must do no more than set fields. If change returns an error, Update
// changes nothing and returns that error.
//
// Errors: those of change, ErrInvalid, ErrNotFound, and ErrConflict if others were faster
// 16 times in a row.
func (s *Service) Update(ctx context.Context, id string, change func(*Key) error) (Key, error) {
	return s.update(ctx, id, history.Update, change)
}

// update does what Update does. action is what the History is told.
func (s *Service) update(ctx context.Context, id, action string, change func(*Key) error) (Key, error) {
	return s.edit(ctx, id, action, func(k *Key, _ time.Time) error {
		asked := k.Clone()
		if err := change(&asked); err != nil {
			return err
		}
		var moved error
		if asked.GroupID != k.GroupID {
			moved = fmt.Errorf("groupId: %.40q: want %q: only usageplan.Groups.MoveKey changes it", asked.GroupID, k.GroupID)
		}
		k.set(asked)
		return invalid(append(k.faults(), moved)...)
	})
}

// Enable makes the key usable, unless it has expired. Errors: ErrNotFound, ErrConflict.
func (s *Service) Enable(ctx context.Context, id string) (Key, error) {
	return s.update(ctx, id, history.Enable, func(k *Key) error { k.Enabled = true; return nil })
}

// Disable makes the key unusable until Enable. Errors: ErrNotFound, ErrConflict.
func (s *Service) Disable(ctx context.Context, id string) (Key, error) {
	return s.update(ctx, id, history.Disable, func(k *Key) error { k.Enabled = false; return nil })
}

// Expire sets the time at which the key expires, which may be in the past. With the zero
// time, the key never expires. Errors: ErrInvalid for a year outside 1 to 9999,
// ErrNotFound, ErrConflict.
func (s *Service) Expire(ctx context.Context, id string, at time.Time) (Key, error) {
	return s.update(ctx, id, history.Expire, func(k *Key) error { k.Expires = at; return nil })
}

// Delete removes a key and its secrets. It returns ErrNotFound if there is no such key.
//
// Caution: whatever others keep under the ID stays, such as links to plans. A new key
// with the same ID would have them at once. Never use an ID twice, or remove the links
// first with the Prune of usageplan.Service.
//
// The History is told the key as it was just before the deletion. A change by others at
// the same moment may be missing in that, and has an entry of its own.
func (s *Service) Delete(ctx context.Context, id string) error {
	k, err := s.beforeDelete(ctx, id)
	if err != nil {
		return err
	}
	if err := s.store.DeleteKey(ctx, id); err != nil {
		return err
	}
	s.tell(ctx, history.Delete, &k, nil)
	return nil
}

// edit reads a key, changes it and writes it. It starts again if others wrote the key
// meanwhile. action is what the History is told.
func (s *Service) edit(ctx context.Context, id, action string, change func(k *Key, now time.Time) error) (k Key, err error) {
	var before Key
	err = retry.Do(ctx, func() (raced bool, err error) {
		if k, err = s.store.Key(ctx, id); err != nil {
			return false, err
		}
		before = k // change replaces maps and slices, and does not write to them
		now := instant(time.Now())
		if err := change(&k, now); err != nil {
			return false, err
		}
		k.Updated = now
		err = s.store.UpdateKey(ctx, k)
		return errors.Is(err, ErrConflict), err
	})
	if err != nil {
		return Key{}, err
	}
	k.Version++
	s.tell(ctx, action, &before, &k)
	return k, nil
}
