package gate

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// once is m with a meter for a request's ID: a bucket of one token, which is there again
// when the ID may be forgotten. It is named by a digest, since an ID may be long, and may
// say more than a store of counters should know.
func (m *meters) once(id string, keep time.Duration) *meters {
	sum := sha256.Sum256([]byte(id))
	return &meters{throttles: m.throttles, limits: m.limits, ids: 1, list: append(slices.Clone(m.list), store.Meter{
		Name: "id " + base64.RawURLEncoding.EncodeToString(sum[:18]),
		Max:  1, Rate: store.Rate{Tokens: 1, Per: max(keep.Microseconds(), 1)}, Rare: true,
	})}
}

// repeated says whether a charge, or a read, found that the request was charged before.
func (m *meters) repeated(c *store.Charge) bool {
	last := len(m.list) - 1
	return m.ids > 0 && (c.N[last] == 0 || !c.OK) && c.Levels[last].Used > 0
}

// repeat admits a request that was charged before.
func (d *Decision) repeat() {
	d.Allowed, d.Repeated, d.Reason = true, true, Admitted
	for i := range d.levels {
		d.levels[i].Wait = 0
	}
}
