package leak

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/apikey"
)

// A Leak is a secret that was found in a place.
type Leak struct {
	// ID is the same whenever the same secret is reported in the same place.
	ID string

	// Key has the secret as its current or its previous one. For Config.Decide it is the key
	// as it was found, and for Config.OnLeak as it is now.
	Key apikey.Key

	// Previous reports whether it is the previous secret of a rotation. The current secret
	// is not concerned then, and no Action ends it.
	Previous bool

	// Live reports whether the secret was good when the report came.
	Live bool

	// Type is the name that the service has given to the pattern in the scanner's program.
	// Source says in what the secret was found, such as "commit". URL is the place. It may
	// be empty, and does not contain the secret.
	//
	// Caution: the scanner vouches for these texts, but the publisher of the secret has
	// chosen parts of them. Each has at most 2,048 bytes.
	Type, Source, URL string

	// At is when the report came.
	At time.Time

	// Action is what was done, and Changed reports whether that has changed the key. Both
	// are zero for Config.Decide.
	Action  Action
	Changed bool
}

// LogValue returns what a log should show of a Leak. It leaves out the URL, which leads
// to the secret.
func (l Leak) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", l.ID), slog.String("key", l.Key.ID), slog.Bool("previous", l.Previous), slog.Bool("live", l.Live),
		slog.String("type", l.Type), slog.String("source", l.Source),
		slog.String("action", l.Action.String()), slog.Bool("changed", l.Changed),
	)
}

// maxText bounds the texts of a Leak, in bytes.
const maxText = 2048

// newLeak returns the Leak of a finding. d is the digest of the secret.
func newLeak(f *finding, k *apikey.Key, d apikey.Digest, at time.Time) Leak {
	l := Leak{
		Key: *k, Previous: d.Equal(&k.Retiring), Live: k.Accepts(d, at) == nil, At: at,
		Type: clean(f.Type, f.Token), Source: clean(f.Source, f.Token), URL: clean(f.URL, f.Token),
	}
	sum := sha256.New()
	sum.Write(d[:])
	sum.Write([]byte(l.URL + "\x00" + l.Source))
	l.ID = hex.EncodeToString(sum.Sum(nil)[:16])
	return l
}

// clean returns a text of a report that is safe to pass on: short, in valid UTF-8, and
// without the secret.
func clean(text, secret string) string {
	text = strings.ReplaceAll(text, secret, "…")
	if len(text) > maxText {
		text = text[:maxText]
	}
	return strings.ToValidUTF8(text, "")
}

// maxTold is how many leaks a Handler remembers.
const maxTold = 4096

// A memory remembers the last texts that were added.
type memory struct {
	mu    sync.Mutex
	max   int
	order []string // a ring
	next  int
	has   map[string]bool
}

func (m *memory) contains(text string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.has[text]
}

func (m *memory) add(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.has[text]:
		return
	case m.has == nil:
		m.has = map[string]bool{}
	}
	m.has[text] = true
	if len(m.order) < m.max {
		m.order = append(m.order, text)
		return
	}
	delete(m.has, m.order[m.next])
	m.order[m.next] = text
	m.next = (m.next + 1) % m.max
}
