// Package redis is the store.Counter over Redis.
package redis

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// Config says how a Store uses its server. The zero Config is ready to use.
type Config struct {
	// Prefix begins the name of every key; empty: "ration". Stores of different prefixes share nothing. It must not hold
	// a brace, which would change the slot of the keys in a Cluster.
	Prefix string
}

// Store counts in Redis. It is safe for concurrent use.
type Store struct {
	client rueidis.Client
	prefix string
	script script
}

var (
	_ store.Counter = (*Store)(nil)
	_ store.Peeker  = (*Store)(nil)
)

// New returns a Store over client, which stays the caller's to close.
func New(client rueidis.Client, cfg Config) (*Store, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "ration"
	}
	var errs []error
	if client == nil {
		errs = append(errs, errors.New("client: nil: want a connected one"))
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		errs = append(errs, fmt.Errorf("prefix: %q: want no brace, which would change the slot of the keys", cfg.Prefix))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("store/redis: new: %w", errors.Join(errs...))
	}
	return &Store{client: client, prefix: cfg.Prefix, script: counting}, nil
}
