package gate

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/store"
)

// once returns m with one more meter, which makes a request with this ID pay once.
//
// The meter is a bucket of one token that refills within keep. The first request takes
// the token together with everything else that it is charged. A repeated request finds
// the bucket empty, so the Counter refuses the whole charge, and repeated tells this
// refusal from one by a limit. Counters need no code for IDs, and a request stays one
// step.
//
// The meter's name is a digest of the ID, since an ID may be longer than a name and may
// say more than a store of counters should know. 18 bytes make 24 letters of base64
// without padding.
func (m *meters) once(id string, keep time.Duration) *meters {
	sum := sha256.Sum256([]byte(id))
	once := *m
	once.ids = 1
	once.fast = nil
	once.units = append(slices.Clone(m.units), 0)
	once.list = append(slices.Clone(m.list), store.Meter{
		Name: metername.IDPrefix + base64.RawURLEncoding.EncodeToString(sum[:18]),
		Max:  1, Rate: store.Rate{Tokens: 1, Per: max(keep.Microseconds(), 1)}, Rare: true,
	})
	return &once
}

// repeated reports whether the request was charged before: the token of its ID is gone,
// though p did not take it. It did not if p was refused or only read.
func (m *meters) repeated(p *pending) bool {
	own, last := &p.parts[0], len(m.list)-1
	return m.ids > 0 && (own.N[last] == 0 || !p.OK) && own.Levels[last].Used > 0
}

// admitRepeated admits a request that was charged before, whatever the limits say. No
// limit counts as having refused it.
func (d *Decision) admitRepeated() {
	d.Allowed, d.Repeated, d.Reason = true, true, Admitted
	own := d.keyLevels()
	for i := range own {
		own[i].Wait = 0
	}
	for l := d.groups; l != nil; l = l.above {
		levels := l.levels()
		for i := range levels {
			levels[i].Wait = 0
		}
	}
}
