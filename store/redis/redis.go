package redis

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Config says how a Store uses its server. The zero Config is ready to use.
type Config struct {
	// Prefix begins the name of every key; empty: "ration". Stores with different prefixes
	// share nothing. It must not hold a brace, which would change the slot of the keys in a
	// Cluster.
	Prefix string

	// Separate sends every decision by itself. Else, where the client speaks to one server
	// at a time, decisions that are asked for while others are under way are gathered into
	// one call. Set it where a proxy spreads the keys over servers, or where no call may
	// keep the server from others for some hundreds of microseconds.
	Separate bool

	// Logger is told by Run when the subscription to changes is lost, why, and when it is
	// there again. It is told once of settings of the server that a quota does not go with,
	// by Open's first connection and by Run: see Store.Check. Nil: nobody is told.
	Logger *slog.Logger
}

// Store keeps counters, keys, plans and links in Redis: it is a [store.Counter] and a
// [store.Peeker], an [apikey.Store], a [usageplan.Store], a [usageplan.AccessReader] and,
// while Run goes, a [usageplan.Notifier]. It holds no state of its own but who listens,
// so any number of them, in any number of processes, count together and see the same. It
// is safe for concurrent use.
type Store struct {
	prefix   string
	separate bool
	logger   *slog.Logger
	scripts  scripts
	link     atomic.Pointer[link]
	dialing  dialing // of Open

	inspected atomic.Bool
	listeners usageplan.Listeners
	running   atomic.Int32 // calls of Run
}

// link is a client that is connected, and the calls that it makes.
type link struct {
	client    rueidis.Client
	decisions []queue // one for each part of the slots
	errands   queue   // of the directory, and Peek's

	ownCalls bool         // callers may make their calls themselves
	warm     atomic.Bool  // there is a connection for own calls, and the last own call was answered
	warming  atomic.Bool  // warmUp is under way
	warmedAt atomic.Int64 // when the last warmUp began, in Unix nanoseconds
}

var (
	_ store.Counter      = (*Store)(nil)
	_ store.Peeker       = (*Store)(nil)
	_ apikey.Store       = (*Store)(nil)
	_ usageplan.Store    = (*Store)(nil)
	_ usageplan.Listener = (*Store)(nil)

	_ usageplan.AccessReader = (*Store)(nil)
)

// New returns a Store over client, which remains the caller's to close. It sends nothing.
// An error names the field that is at fault.
func New(client rueidis.Client, cfg Config) (*Store, error) {
	s, err := prepare(cfg)
	if err := errors.Join(nilcheck.Required("client", client, "one that is connected"), err); err != nil {
		return nil, fmt.Errorf("store/redis: new: %w", err)
	}
	s.use(client)
	return s, nil
}

func prepare(cfg Config) (*Store, error) {
	if strings.ContainsAny(cfg.Prefix, "{}") {
		return nil, fmt.Errorf("prefix: %q: want no brace, which would change the slot of the keys", cfg.Prefix)
	}
	return &Store{prefix: cmp.Or(cfg.Prefix, "ration"), separate: cfg.Separate, logger: cfg.Logger, scripts: counting}, nil
}

func (s *Store) use(client rueidis.Client) {
	l := &link{client: client, decisions: make([]queue, 1), errands: queue{flights: errands, load: 1}}
	l.ownCalls = client.Mode() != rueidis.ClientModeCluster
	calls, many := singles, 1
	switch {
	case client.Mode() == rueidis.ClientModeCluster:
		l.decisions, calls = make([]queue, parts), singles/parts
	case !s.separate:
		calls, many = flights, load
	}
	for i := range l.decisions {
		l.decisions[i].flights, l.decisions[i].load = calls, many
	}
	s.link.Store(l)
}
