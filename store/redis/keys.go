package redis

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/apikey"
)

var keyVerdicts = verdicts{apikey.ErrExists, apikey.ErrNotFound, apikey.ErrConflict}

// digestsLen is how long are the digests in the record of a key.
const digestsLen = 2 * len(apikey.Digest{})

// keyText is what is in the JSON of a key's record: all that is not before it. It is only
// encoded: decoded is a Key.
type keyText struct {
	apikey.Key
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
	record, err := s.get(ctx, "keys", id)
	return foundKey(fmt.Sprintf("key %q", id), record, err)
}

// KeyByDigest implements apikey.Store, in one round trip.
func (s *Store) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	record, err := s.ask(ctx, finding, []string{s.named("digests"), s.named("keys")}, []string{string(d[:])}).ToString()
	return foundKey("key by digest", record, err)
}

// Keys implements apikey.Store. A page looks at a thousand keys at most.
func (s *Store) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	l := listing[apikey.Key]{
		order: "keys-by-age", records: "keys", filter: f, read: decodeKey, invalid: apikey.ErrInvalid,
	}
	page, next, err := l.page(ctx, s, cursor, limit)
	if err != nil {
		return nil, "", fmt.Errorf("store/redis: keys: %w", err)
	}
	return page, next, nil
}

// changeKey makes k of the key that has its id; found is the version that an update wants
// to find.
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
		return fmt.Errorf("store/redis: %s key %q: %w", verb, k.ID, err)
	}
	return nil
}

// foundKey is the key of a record, if err is nil; what names it in errors.
func foundKey(what, record string, err error) (k apikey.Key, _ error) {
	if rueidis.IsRedisNil(err) {
		err = apikey.ErrNotFound
	}
	if err == nil {
		k, err = decodeKey(record)
	}
	if err != nil {
		return apikey.Key{}, fmt.Errorf("store/redis: %s: %w", what, err)
	}
	return k, nil
}

func encodeKey(k apikey.Key) (string, error) {
	extra := append(k.Digest[:], k.Retiring[:]...)
	for _, text := range []string{k.Name, k.CustomerID} {
		extra = append(binary.BigEndian.AppendUint32(extra, uint32(len(text))), text...)
	}
	return encode(k.Version, extra, keyText{Key: k})
}

func decodeKey(record string) (apikey.Key, error) {
	extra, err := body(record)
	if err != nil {
		return apikey.Key{}, err
	}
	if len(extra) < digestsLen {
		return apikey.Key{}, errCut
	}
	name, rest, nameErr := cutText(extra[digestsLen:])
	customer, rest, customerErr := cutText(rest)
	if err := errors.Join(nameErr, customerErr); err != nil {
		return apikey.Key{}, err
	}
	var k apikey.Key
	err = unmarshal(rest, &k)
	copy(k.Retiring[:], extra[copy(k.Digest[:], extra):])
	k.Name, k.CustomerID = name, customer
	return k, err
}

// cutText is the text that s begins with, after its length, and what follows it.
func cutText(s string) (text, rest string, err error) {
	if len(s) < 4 {
		return "", "", errCut
	}
	size := int64(binary.BigEndian.Uint32([]byte(s[:4])))
	if int64(len(s)-4) < size {
		return "", "", errCut
	}
	return s[4 : 4+size], s[4+size:], nil
}
