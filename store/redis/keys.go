package redis

import (
	"context"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/apikey"
)

var keyVerdicts = verdicts{apikey.ErrExists, apikey.ErrNotFound, apikey.ErrConflict}

// digestsLen is the length of the two digests in the record of a key.
const digestsLen = 2 * len(apikey.Digest{})

// keyJSON encodes the JSON of a key's record, without the five fields that stand before
// it. They are shadowed by fields that are always zero. Decoding goes straight into a
// Key.
type keyJSON struct {
	apikey.Key
	GroupID    struct{} `json:"groupId,omitzero"`
	Name       struct{} `json:"name,omitzero"`
	CustomerID struct{} `json:"customerId,omitzero"`
	Digest     struct{} `json:"digest,omitzero"`
	Retiring   struct{} `json:"retiring,omitzero"`
}

// InsertKey implements apikey.Store.
func (s *Store) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.changeKey(ctx, "insert", 0, k)
}

// UpdateKey implements apikey.Store.
func (s *Store) UpdateKey(ctx context.Context, k apikey.Key) error {
	found := k.Version
	k.Version++
	return s.changeKey(ctx, "update", found, k)
}

// DeleteKey implements apikey.Store.
func (s *Store) DeleteKey(ctx context.Context, id string) error {
	return s.changeKey(ctx, "delete", 0, apikey.Key{ID: id})
}

// Key implements apikey.Store.
func (s *Store) Key(ctx context.Context, id string) (apikey.Key, error) {
	record, err := s.getRecord(ctx, "keys", id)
	return foundKey(fmt.Sprintf("key %q", id), record, err)
}

// KeyByDigest implements apikey.Store. It makes one round trip.
func (s *Store) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	record, err := s.query(ctx, findScript, []string{s.directoryKey("digests"), s.directoryKey("keys")}, []string{string(d[:])}).ToString()
	return foundKey("key by digest", record, err)
}

// Keys implements apikey.Store. For one page it examines at most 1,000 keys, so a
// filtered page may be short, or empty, and still have a next cursor.
func (s *Store) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	l := listing[apikey.Key]{
		order: "keys-by-age", records: "keys", digests: digestsLen,
		filter: []string{equals(f.GroupID), beginsWith(f.NamePrefix), equals(f.CustomerID)},
		read:   decodeKey, invalid: apikey.ErrInvalid,
	}
	page, next, err := l.page(ctx, s, cursor, limit)
	if err != nil {
		return nil, "", commandError(err, "keys")
	}
	return page, next, nil
}

// changeKey inserts, updates or deletes the key that has k's id. An update expects the
// version found.
func (s *Store) changeKey(ctx context.Context, verb string, found int64, k apikey.Key) (err error) {
	record := ""
	if verb != "delete" {
		record, err = encodeKey(k)
	}
	if err == nil {
		err = s.change(ctx, change{
			verb: verb, id: k.ID, records: "keys", name: k.ID, version: found, record: record, digests: digestsLen,
			listed: []place{{"keys-by-age", k.ID}},
		}, keyVerdicts)
	}
	if err != nil {
		return commandError(err, "%s key %q", verb, k.ID)
	}
	return nil
}

// foundKey decodes the record of a key, if err is nil. Errors begin with what.
func foundKey(what, record string, err error) (k apikey.Key, _ error) {
	if rueidis.IsRedisNil(err) {
		err = apikey.ErrNotFound
	}
	if err == nil {
		k, err = decodeKey(record)
	}
	if err != nil {
		return apikey.Key{}, commandError(err, "%s", what)
	}
	return k, nil
}

func encodeKey(k apikey.Key) (string, error) {
	extra := append(k.Digest[:], k.Retiring[:]...)
	return encode(k.Version, appendTexts(extra, k.GroupID, k.Name, k.CustomerID), keyJSON{Key: k})
}

func decodeKey(record string) (apikey.Key, error) {
	extra, err := recordBody(record)
	if err != nil {
		return apikey.Key{}, err
	}
	if len(extra) < digestsLen {
		return apikey.Key{}, errTruncated
	}
	var group, name, customer string
	rest, err := cutTexts(extra[digestsLen:], &group, &name, &customer)
	if err != nil {
		return apikey.Key{}, err
	}
	var k apikey.Key
	err = unmarshal(rest, &k)
	copy(k.Retiring[:], extra[copy(k.Digest[:], extra):])
	k.GroupID, k.Name, k.CustomerID = group, name, customer
	return k, err
}
