package apikey

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/internal/retry"
)

const (
	defaultPage = 100
	maxPage     = 500 // as in Amazon API Gateway
	idLen       = 16  // base32 characters: 80 bits
)

// Config is how a Service makes keys. The zero Config is good.
type Config struct {
	// KeyFormat is what secrets look like: those that Create and Rotate make, and those that Import takes. Give the same one
	// to gate.Config. The zero Format makes "key_…".
	KeyFormat Format

	// Seal keeps secrets so that Reveal can show them again, as Amazon API Gateway does with includeValue; nil: only digests
	// are kept, and nobody can. It is an AEAD with random nonces of 12 bytes or more, such as AES-GCM; the key's id is
	// authenticated with the secret. Whoever has it and the store has all secrets.
	Seal cipher.AEAD `json:"-"`
}

// Service makes, changes and lists the keys of a Store. It keeps no state, so any number of services, in any number of
// processes, may share one Store. It is safe for concurrent use.
//
// Its errors wrap ErrInvalid for bad arguments, and are the Store's otherwise. None holds any part of a secret.
type Service struct {
	store  Store
	format Format
	seal   cipher.AEAD
}

// NewService returns a Service on s. The error reports every fault at once and wraps
// ErrInvalid.
func NewService(s Store, cfg Config) (*Service, error) {
	err := invalid(nilcheck.Required("store", s, "an apikey.Store"),
		nilcheck.Optional("seal", cfg.Seal, "a cipher.AEAD, or none"), fault.In("keyFormat", cfg.KeyFormat.Validate()))
	if err != nil {
		return nil, err
	}
	return &Service{store: s, format: cfg.KeyFormat, seal: cfg.Seal}, nil
}

// KeyFormat is the Format that the Service was given, for the Gate and others that are to have the same.
func (s *Service) KeyFormat() Format { return s.format }

// Create makes a key and its secret. Of k it takes Name, Description, Enabled, CustomerID, Tags, StageKeys, Expires (zero, or a time
// to come) and ID; an empty ID is replaced by 16 random lower-case letters and digits. The rest of k is ignored. The key is disabled
// unless k.Enabled says otherwise.
//
// An ID that a deleted key had is free again. What others keep under it, such as the links of package usageplan, is then the
// new key's: see Delete.
//
// The secret is shown this once: nobody can get it again. If the error is the Store's and not one of this package's,
// there may be a key whose secret nobody knows; it can be deleted.
//
// Errors: ErrInvalid, ErrExists for an ID that is taken.
func (s *Service) Create(ctx context.Context, k Key) (Key, Secret, error) {
	secret, fault := s.format.make()
	k, err := s.insert(ctx, k, func(k *Key) { s.keep(k, secret) }, fault)
	if err != nil {
		return Key{}, "", err
	}
	return k, secret, nil
}

// Import makes a key, as Create does, for a secret that clients already have. The Service takes what its Format passes, since
// a Gate of that Format would refuse all else for ever: secrets that another system has made need Format.AcceptForeign.
// Only the digest is kept, without salt, so a secret that can be guessed is not safe in a store that leaks.
//
// Errors: ErrInvalid, beside it ErrMalformed for the secret, and ErrExists for a secret or an ID that is taken.
func (s *Service) Import(ctx context.Context, k Key, secret Secret) (Key, error) {
	return s.insert(ctx, k, func(k *Key) { s.keep(k, secret) }, s.format.checkImport(secret))
}

// ImportDigest is Import for a secret of which only the digest is known, such as one that another system keeps as its
// SHA-256. The key has no hint, and its secret cannot be shown again. A digest does not tell the form of its secret, so
// Format.AcceptForeign is required, here and in the Gate's Format. Even then the Gate takes 20 to 128 visible ASCII
// characters alone: a key whose secret is shorter, longer or has others can never be used.
//
// Errors: ErrInvalid, also for the zero Digest and without AcceptForeign, and ErrExists for a digest or an ID that is taken.
func (s *Service) ImportDigest(ctx context.Context, k Key, d Digest) (Key, error) {
	var fault error
	if d == (Digest{}) {
		fault = errors.New("digest: zero: want one of a secret")
	}
	if !s.format.AcceptForeign {
		fault = errors.Join(fault, errors.New("digest: of a secret of unknown form: want AcceptForeign in the Format, and in the Gate's"))
	}
	return s.insert(ctx, k, func(k *Key) { k.Digest = d }, fault)
}

// insert adds a key made of what the caller may set in asked; keep gives it its secret. fault is what is already known to be
// wrong, or nil.
func (s *Service) insert(ctx context.Context, asked Key, keep func(*Key), fault error) (Key, error) {
	now := instant(time.Now())
	k := Key{ID: asked.ID, Created: now, Updated: now, Version: 1}
	if k.ID == "" {
		k.ID = strings.ToLower(rand.Text()[:idLen])
	}
	k.set(asked)
	keep(&k)
	faults := append(k.faults(), fault)
	if k.expired(now) {
		faults = append(faults, fmt.Errorf("expires: %v: want a time to come", k.Expires))
	}
	if err := invalid(faults...); err != nil {
		return Key{}, err
	}
	if err := s.store.InsertKey(ctx, k); err != nil {
		return Key{}, err
	}
	return k, nil
}

// set takes from asked what a caller may change.
func (k *Key) set(asked Key) {
	k.Name, k.Description, k.Enabled, k.Expires = asked.Name, asked.Description, asked.Enabled, instant(asked.Expires)
	k.CustomerID, k.Tags, k.StageKeys = asked.CustomerID, maps.Clone(asked.Tags), slices.Clone(asked.StageKeys)
}

// Get is the key of that id, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id string) (Key, error) { return s.store.Key(ctx, id) }

// List is one page of the keys, newest first, and the cursor of the next page. The empty cursor starts, and an empty next
// says that this was the last page. The limit is 1 to 500 keys; 0 means 100, and more than 500 is 500. A page may be
// shorter than the limit, even empty, before the last: see Store.Keys.
//
// ErrInvalid: a negative limit, or a cursor that did not come from List.
func (s *Service) List(ctx context.Context, f Filter, cursor string, limit int) (keys []Key, next string, err error) {
	switch {
	case limit < 0:
		return nil, "", invalid(fmt.Errorf("limit: %d: want 0 to %d", limit, maxPage))
	case limit == 0:
		limit = defaultPage
	}
	return s.store.Keys(ctx, f, cursor, min(limit, maxPage))
}

// All is every key, newest first, read page by page as the loop goes on. An error is the last thing it yields, with the
// zero Key.
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

// Update changes a key and returns it as it is then. Name, Description, Enabled, CustomerID, Tags, StageKeys and Expires can change;
// whatever else change sets is restored. Expires may be moved into the past, and an expired key brought back. If somebody
// else changes the key at the same moment, change is called again, on the key as it is now, so it must do no more than set
// fields. If it returns an error nothing is changed, and Update returns that.
//
// Errors: those of change, ErrInvalid, ErrNotFound, and ErrConflict if others were faster 16 times in a row.
func (s *Service) Update(ctx context.Context, id string, change func(*Key) error) (Key, error) {
	return s.edit(ctx, id, func(k *Key, _ time.Time) error {
		asked := k.Clone()
		if err := change(&asked); err != nil {
			return err
		}
		k.set(asked)
		return invalid(k.faults()...)
	})
}

// Enable lets the key be used, unless it has expired. Errors: ErrNotFound, ErrConflict.
func (s *Service) Enable(ctx context.Context, id string) (Key, error) {
	return s.Update(ctx, id, func(k *Key) error { k.Enabled = true; return nil })
}

// Disable stops the key from being used until Enable. Errors: ErrNotFound, ErrConflict.
func (s *Service) Disable(ctx context.Context, id string) (Key, error) {
	return s.Update(ctx, id, func(k *Key) error { k.Enabled = false; return nil })
}

// Expire makes the key expire at that instant, which may be past; the zero time: never. Errors: ErrInvalid for a year
// after 9999, ErrNotFound, ErrConflict.
func (s *Service) Expire(ctx context.Context, id string, at time.Time) (Key, error) {
	return s.Update(ctx, id, func(k *Key) error { k.Expires = at; return nil })
}

// Delete removes a key and its secrets for ever, or is ErrNotFound. What others keep under its ID stays, such as its links to
// plans, which a key that is made anew with that ID would have at once: give no ID twice, or remove those first, as
// usageplan's Service.Prune does.
func (s *Service) Delete(ctx context.Context, id string) error { return s.store.DeleteKey(ctx, id) }

// edit reads a key, changes it and writes it, all again if somebody else was faster.
func (s *Service) edit(ctx context.Context, id string, change func(k *Key, now time.Time) error) (k Key, err error) {
	err = retry.Do(ctx, func() (raced bool, err error) {
		if k, err = s.store.Key(ctx, id); err != nil {
			return false, err
		}
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
	return k, nil
}
