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
	// Prefix begins the name of every key; empty: "ration". Stores with different prefixes share nothing. It must not hold a
	// brace, which would change the slot of the keys in a Cluster.
	Prefix string
}

// Store is a [store.Counter] and a [store.Peeker] over Redis. It holds no state of its own, so any number of them, in any
// number of processes, count together. It is safe for concurrent use.
type Store struct {
	client rueidis.Client
	prefix string
	script script
}

var (
	_ store.Counter = (*Store)(nil)
	_ store.Peeker  = (*Store)(nil)
)

// New returns a Store over client, which remains the caller's to close. It sends nothing. An error names the field that is
// at fault.
func New(client rueidis.Client, cfg Config) (*Store, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "ration"
	}
	var errs []error
	if client == nil {
		errs = append(errs, errors.New("client: nil: want one that is connected"))
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		errs = append(errs, fmt.Errorf("prefix: %q: want no brace, which would change the slot of the keys", cfg.Prefix))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("store/redis: new: %w", errors.Join(errs...))
	}
	return &Store{client: client, prefix: cfg.Prefix, script: counting}, nil
}
