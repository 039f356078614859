package memory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"
)

// SetClock is what setting the wall's clock forward, or back, does to s, as far as s can
// tell.
func SetClock(s *Store, by time.Duration) { s.epoch -= by.Microseconds() }

// SaveTo writes what Save would.
func SaveTo(s *Store, w io.Writer) error { return s.save(w) }

// LoadSummed is Load of a file whose end is made to be right.
func LoadSummed(text []byte) (*Store, error) {
	if i := bytes.LastIndex(text, []byte(`{"end"`)); i >= 0 {
		text = text[:i]
	}
	sum := sha256.Sum256(text)
	last, err := json.Marshal(record{End: &end{bytes.Count(text, []byte("\n")), hex.EncodeToString(sum[:])}})
	if err != nil {
		return nil, err
	}
	return load(bytes.NewReader(append(append(bytes.Clone(text), last...), '\n')), Config{})
}
