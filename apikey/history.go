package apikey

import (
	"context"

	"github.com/ration-go/ration/history"
)

// recordedFields are the fields of a Key without its methods.
type recordedFields Key

// recorded encodes what an audit log shows of a Key. Its own fields hide those of the Key
// with the same name in JSON.
type recorded struct {
	*recordedFields
	Digest   *struct{} `json:"digest,omitzero"`
	Retiring *struct{} `json:"retiring,omitzero"`
	Sealed   *struct{} `json:"sealed,omitzero"`
	Rotated  *struct{} `json:"rotated,omitzero"`
	Updated  *struct{} `json:"updated,omitzero"`
}

// Recorded returns what an audit log shows of k: all fields except Digest, Retiring,
// Sealed, Rotated and Updated. It is for history.Tell, which encodes it.
func (k *Key) Recorded() any { return recorded{recordedFields: (*recordedFields)(k)} }

// tell records a change of a key. Before is nil for a new key, and after is nil for one
// that was deleted.
func (s *Service) tell(ctx context.Context, action string, before, after *Key) {
	if s.history == nil {
		return
	}
	c := history.Change{Action: action, Kind: history.KindKey, Unseen: action == history.Rotate}
	if before != nil {
		c.ID, c.Before = before.ID, before.Recorded()
	}
	if after != nil {
		c.ID, c.After = after.ID, after.Recorded()
	}
	history.Tell(ctx, s.history, c)
}

// beforeDelete returns the key that is about to be deleted, if its deletion will be
// recorded.
func (s *Service) beforeDelete(ctx context.Context, id string) (Key, error) {
	if s.history == nil {
		return Key{}, nil
	}
	return s.store.Key(ctx, id)
}
