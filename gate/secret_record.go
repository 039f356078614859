package gate

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/store"
)

// A secretRecord adds a meter to what the requests by one secret are charged: a window of
// the UTC day that counts them and never refuses. From its Last, LastUsed tells when the
// secret was last used.
//
// A key has such records only while two of its secrets are good. So other keys pay
// nothing for them, and no charge has a write of its own.
type secretRecord struct {
	name   string
	meters sync.Map // the *meters with the record, by the *meters without it
	count  atomic.Int64
}

// maxRecorded bounds the meters that a secretRecord keeps. Clients choose routes and
// classes. A secretRecord ends with its cache entry, after Config.MaxAge.
const maxRecorded = 64

// secretRecordName returns the name of the record of a secret. It is a digest of the
// digest, so that counts have no part of what finds a key. 9 bytes make 12 letters of
// base64 without padding.
func secretRecordName(d *apikey.Digest) string {
	sum := sha256.Sum256(d[:])
	return metername.SecretPrefix + base64.RawURLEncoding.EncodeToString(sum[:9])
}

// with returns m with the meter of the record. It makes these meters once and then
// returns the same ones, unless there are too many.
func (r *secretRecord) with(m *meters) *meters {
	if kept, ok := r.meters.Load(m); ok {
		return kept.(*meters)
	}
	made := m.withRecord(r.name)
	if r.count.Add(1) > maxRecorded {
		return made
	}
	kept, _ := r.meters.LoadOrStore(m, made)
	return kept.(*meters)
}

// withRecord returns m with one more usage record, which counts requests. m has no ID.
func (m *meters) withRecord(name string) *meters {
	record := m.list[len(m.limits)] // the one of all requests
	record.Name = name
	wider := *m
	wider.units = append(slices.Clone(m.units), 0)
	wider.list = append(slices.Clone(m.list), record)
	if wider.fast = store.NewMeterList(wider.list); wider.fast != nil {
		wider.list = wider.fast.Meters()
	}
	return &wider
}

// recordSecret makes the requests by e count for the secret with the digest d.
func (e *entry) recordSecret(d *apikey.Digest) {
	e.ensureExtra().secret = &secretRecord{name: secretRecordName(d)}
}

// metersFor returns m with the record of the secret of e, if it has one.
func (e *entry) metersFor(m *meters) *meters {
	if e.extra == nil || e.extra.secret == nil {
		return m
	}
	return e.extra.secret.with(m)
}
