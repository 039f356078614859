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

// Config configures a Store. The zero Config is ready to use.
type Config struct {
	// Prefix begins the name of every key. The default is "ration". Stores with different
	// prefixes share nothing. Prefix must not contain a brace, which would change the slot
	// of the keys in a Cluster.
	Prefix string

	// Separate sends every decision in a command of its own. By default, if the client
	// speaks to one server at a time, decisions that arrive while others are in flight are
	// batched into one command. Set Separate if a proxy spreads the keys over several
	// servers, or if no command may occupy the server for some hundreds of microseconds.
	// Such a proxy may place two families on two servers, so a charge over both fails with
	// store.ErrApart.
	Separate bool

	// Logger receives what Run reports: that the subscription to changes is lost, why, and
	// that it is there again. It also receives, once, the server's settings that do not suit
	// a quota (see Store.Check), from Open's first connection or from Run. If nil, nothing
	// is logged.
	Logger *slog.Logger
}

// Store keeps counters, keys, plans, links and groups in Redis. It implements
// [store.Counter], [store.Peeker], [store.Dumper], [apikey.Store], [usageplan.Store],
// [usageplan.GroupStore], [usageplan.AccessReader] and [usageplan.Listener]. It hears of
// changes while Run runs.
//
// Apart from its listeners a Store holds no state of its own. Any number of Stores, in
// any number of processes, count together and see the same. A Store is safe for
// concurrent use.
type Store struct {
	prefix   string
	separate bool
	logger   *slog.Logger
	scripts  scripts
	link     atomic.Pointer[link]
	dialing  dialing // of Open

	inspected    atomic.Bool
	listeners    usageplan.Listeners
	subscription usageplan.Subscription
}

// link is a client that is connected, and the queues of its calls.
type link struct {
	client    rueidis.Client
	decisions []queue      // in a Cluster one for each partition of the slots, else one
	commands  commandQueue // for the directory, Peek and Check

	isCluster bool
	together  bool // one call may have the keys of several families

	ownCalls bool         // callers may make their calls on their own goroutines
	warm     atomic.Bool  // own calls have a connection, and the last was answered
	warming  atomic.Bool  // warmUp is in progress
	warmedAt atomic.Int64 // when the last warmUp began, in Unix nanoseconds
}

var (
	_ store.Counter      = (*Store)(nil)
	_ store.Peeker       = (*Store)(nil)
	_ apikey.Store       = (*Store)(nil)
	_ usageplan.Store    = (*Store)(nil)
	_ usageplan.Listener = (*Store)(nil)

	_ usageplan.GroupStore   = (*Store)(nil)
	_ usageplan.AccessReader = (*Store)(nil)
)

// New returns a Store over client. It sends nothing to the server. The caller closes
// client. An error names the field that is at fault.
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
	return &Store{prefix: cmp.Or(cfg.Prefix, "ration"), separate: cfg.Separate, logger: cfg.Logger, scripts: decisionScripts}, nil
}

// use makes the calls of s go through client from now on.
func (s *Store) use(client rueidis.Client) {
	isCluster := client.Mode() == rueidis.ClientModeCluster
	queues, calls, size := 1, singleCalls, 1
	switch {
	// Subjects are on different nodes. A silent node would keep a shared call waiting.
	case isCluster:
		queues, calls = partitions, singleCalls/partitions
	case s.separate:
		size = pipelineSize
	default:
		calls, size = batchCalls, batchSize
	}

	l := &link{
		client:    client,
		isCluster: isCluster,
		together:  !isCluster && !s.separate,
		decisions: make([]queue, queues),
		commands:  newCommandQueue(commandCalls),
		ownCalls:  !isCluster,
	}
	for i := range l.decisions {
		l.decisions[i].Queue = newQueue(l, &s.scripts, calls, size)
	}
	s.link.Store(l)
}
