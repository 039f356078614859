package gate

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/outage"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// errUnknown means that no key has the secret or ID.
var errUnknown = errors.New("gate: unknown key")

// errNotCached means that a request is OnlyCached and its secret is not known as good.
var errNotCached = errors.New("gate: not cached")

// ErrBusy is wrapped when a key must be read and too many look-ups are in flight. See
// Config.MaxReads.
var ErrBusy = errors.New("gate: too many look-ups of keys at once")

// resolver finds keys and plans. It caches them for Config.MaxAge, and drops what a
// Notifier says has changed.
//
// Refused secrets are remembered apart from usable keys, so a flood of unknown secrets
// never evicts a key.
type resolver struct {
	keys           apikey.Store
	plans          usageplan.Store
	groups         usageplan.GroupStore   // nil if plans keeps no groups
	access         usageplan.AccessReader // nil if a look-up takes several calls
	counting       *allowance             // has no limits, and counts
	allowNoPlan    bool                   // Config.InsecureAllowNoPlan
	local          bool                   // keys and plans are store.Local
	form           apikey.Format
	units          usageplan.Units
	keep           time.Duration
	maxAge         time.Duration
	maxStale       time.Duration
	timeout        time.Duration // Config.LookupTimeout
	patience       time.Duration // Config.Timeout; bounds waits if a cached entry will do
	logger         *slog.Logger
	listenerChecks []*listenerCheck
	outage         outageLog // of keys and plans
	mistakes       mistakeCounts
	fingerprints   *fingerprinter
	cache          *cache
	scoped         atomic.Bool // a key that has Scopes was read

	mu         sync.Mutex // guards everything below, and the cache except for get
	allowances allowances
	refused    map[fingerprint]refusedSecret
	maxRefused int

	// departed has secrets that were read as usable, and are not cached because their keys
	// changed then or later. So a change does not make a known secret unknown to requests
	// that are OnlyCached. It has at most maxRefused.
	departed map[fingerprint]struct{}

	// lookups has the look-ups that new requests may join. After a change, a look-up that
	// is still in flight may have left the map.
	lookups  map[fingerprint]*lookup
	inFlight int // all look-ups that have not ended
	maxReads int
	failing  bool // the look-up that ended last has failed

	waiting list.List // of chan struct{}: cached keys that wait for a place, see awaitPlace

	// warned has the broken groups of keys that the Logger was warned of.
	warned map[string]bool

	// changes counts the changes that Notifiers told of. changedAt has the count at the
	// last change of each ID since inFlight was last zero. The ID "" stands for a change
	// of anything. A look-up keeps what it read only if that has not changed since.
	changes   uint64
	changedAt map[string]uint64
}

// refusedSecret remembers that a secret, or an ID, was refused when it was read.
type refusedSecret struct {
	entry *entry // of the key that is disabled or has expired; nil if there is no key
	until time.Duration
}

func newResolver(keys apikey.Store, plans usageplan.Store, cfg Config) *resolver {
	maxKeys := cmp.Or(cfg.MaxKeys, 1<<20)
	groups, _ := plans.(usageplan.GroupStore)
	counting := newAllowance(new(usageplan.Plan), overrides{}, cfg.Units, cfg.Keep, new(atomic.Bool))
	cache := newCache(maxKeys)
	return &resolver{
		keys:           keys,
		plans:          plans,
		groups:         groups,
		access:         accessReader(keys, plans),
		counting:       counting,
		allowNoPlan:    cfg.InsecureAllowNoPlan,
		local:          store.IsLocal(keys) && store.IsLocal(plans),
		form:           cfg.KeyFormat,
		units:          cfg.Units,
		keep:           cfg.Keep,
		maxAge:         cfg.MaxAge,
		maxStale:       cfg.MaxStale,
		timeout:        cfg.LookupTimeout,
		patience:       cfg.Timeout,
		logger:         cfg.Logger,
		listenerChecks: newListenerChecks(keys, plans),
		fingerprints:   newFingerprinter(),
		cache:          cache,
		outage: outageLog{Log: outage.Log{
			Logger:   cfg.Logger,
			Level:    slog.LevelWarn,
			Begins:   "ration: keys cannot be read: cached keys stay in use",
			Ends:     "ration: keys can be read again",
			Affected: "staleDecisions",
		}},

		allowances: newAllowances(cache, 1<<10),
		refused:    map[fingerprint]refusedSecret{},
		departed:   map[fingerprint]struct{}{},
		warned:     map[string]bool{},
		lookups:    map[fingerprint]*lookup{},
		changedAt:  map[string]uint64{},
		maxRefused: cmp.Or(cfg.MaxUnknown, 1<<14),
		maxReads:   cmp.Or(cfg.MaxReads, 64),
	}
}

// query asks for a key by its secret or by its ID.
type query struct {
	fingerprint fingerprint // of the secret or of the ID
	secret      apikey.Secret
	id          string        // empty if the query is by the secret
	at          time.Time     // the request's instant; keys expire by it
	now         time.Duration // the Gate's clock; ages go by it
}

// A source says where a request has its key from.
type source uint8

const (
	inMemory source = iota // or from nowhere, since no key can have the secret
	joined                 // from the look-up of another request
	lookedUp               // from a look-up that the request itself began
)

// resolve returns the entry of the key that a request names. Ages go by the Gate's own
// clock and not by the request's At, which is that of one request only. Unless the key is
// usable at any time, resolve stamps the request.
//
// The form of a secret is checked after the cache. A secret whose fingerprint is in the
// cache was found in the store, and the checksum would be a fifth of a decision. On a
// miss the check saves a look-up for a secret that no key can have.
func (r *resolver) resolve(ctx context.Context, req *Request, now reading) (e *entry, how source, err error) {
	if req.KeyID == "" && len(req.Secret) > maxSecret {
		if req.OnlyCached {
			return nil, inMemory, errNotCached
		}
		return nil, inMemory, errUnknown
	}
	var f fingerprint
	if req.KeyID != "" {
		f = r.fingerprints.ofID(req.KeyID)
	} else {
		f = r.fingerprints.ofSecret(req.Secret)
	}
	e = r.cache.get(f)
	age := now.gateAge()
	fresh := e != nil && e.fresh(age)
	if fresh && e.permanent {
		return e, inMemory, nil
	}
	now.stamp(req)
	usable := e != nil && e.usable(req.At) == 0
	if fresh && usable {
		return e, inMemory, nil
	}
	if req.OnlyCached && !usable && !r.knows(f, req.At) {
		return nil, inMemory, errNotCached
	}
	if req.KeyID == "" && r.form.Check(string(req.Secret)) != nil {
		return nil, inMemory, errUnknown
	}
	return r.lookUp(ctx, &query{f, req.Secret, req.KeyID, req.At, age})
}

// noteStale counts a decision by a key of this age in an outage, if it is older than
// Config.MaxAge.
func (r *resolver) noteStale(age time.Duration) {
	if age > r.maxAge {
		r.outage.Affect()
		r.outage.Raise(age)
	}
}

// maxSecret is the length in bytes beyond which a secret is unknown without being
// hashed. The longest secrets of Amazon API Gateway have 128 characters of up to 4
// bytes each.
const maxSecret = 128 * 4
