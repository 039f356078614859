package directory

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/apikey"
)

func keyTable() *table[apikey.Key] {
	return &table[apikey.Key]{
		name: "ration_keys", ids: 1, fields: keyFields,
		faults: faults{apikey.ErrExists, apikey.ErrNotFound, apikey.ErrConflict, apikey.ErrInvalid},
		label:  func(k *apikey.Key) string { return fmt.Sprintf("key %q", k.ID) },
	}
}

func keyFields(k *apikey.Key) []field {
	return []field{
		textField("id", &k.ID),
		textField("name", &k.Name),
		textField("description", &k.Description),
		referenceField("customer_id", &k.CustomerID),
		referenceField("group_id", &k.GroupID),
		boolField("enabled", &k.Enabled),
		textField("hint", &k.Hint),
		digestField("digest", &k.Digest),
		digestField("retiring", &k.Retiring),
		timeField("retiring_until", &k.RetiringUntil),
		timeField("rotated", &k.Rotated),
		bytesField("sealed", &k.Sealed),
		timeField("expires", &k.Expires),
		tagsField("tags", &k.Tags),
		listField("stage_keys", &k.StageKeys),
		listField("scopes", &k.Scopes),
		listField("networks", &k.Networks),
		formField(),
		timeField("created", &k.Created),
		timeField("updated", &k.Updated),
		intField("version", &k.Version),
	}
}

// InsertKey implements apikey.Store.
func (s *Store) InsertKey(ctx context.Context, k apikey.Key) error {
	return insert(ctx, s, s.keys, &k, k.ID)
}

// UpdateKey implements apikey.Store.
func (s *Store) UpdateKey(ctx context.Context, k apikey.Key) error {
	return update(ctx, s, s.keys, &k, k.ID)
}

// DeleteKey implements apikey.Store.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	return remove(ctx, s, s.keys, &apikey.Key{ID: id}, id)
}

// Key implements apikey.Store.
func (s *Store) Key(ctx context.Context, id string) (apikey.Key, error) {
	k, err := find(ctx, s, s.keys, s.keys.sql.one, escapeText(id))
	return k, s.failed(ctx, fmt.Sprintf("key %q", id), err)
}

// prepareDigest writes the statement of KeyByDigest.
func (s *Store) prepareDigest() {
	s.byHash = fmt.Sprintf("SELECT %s FROM ration_digests JOIN ration_keys ON ration_keys.seq = key_seq WHERE ration_digests.digest = %s",
		s.keys.list(s.keys.name), s.dialect.parameter(1, Bytes))
}

// KeyByDigest implements apikey.Store. The zero Digest is NULL, which equals nothing.
func (s *Store) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := find(ctx, s, s.keys, s.byHash, digestValue(d))
	return k, s.failed(ctx, "key by digest", err)
}

// Keys implements apikey.Store. For one page it examines at most 1,000 keys. So with a
// NamePrefix a page may be short, or empty, and still have a next cursor.
func (s *Store) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := list(ctx, s, s.keys, cursor, limit, f.Passes,
		filter{column: "group_id", value: escapeText(f.GroupID), indexed: true},
		filter{column: "customer_id", value: escapeText(f.CustomerID), indexed: true, long: true},
		filter{column: "name", value: escapePrefix(f.NamePrefix), begins: true})
	return keys, next, s.failed(ctx, "keys", err)
}
