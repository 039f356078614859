package memory

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// ErrDamaged is wrapped by the error of Load if Save did not write the file, or if the
// file was changed since.
var ErrDamaged = errors.New("store/memory: damaged file")

// Load returns a Store with the content of a file that Save wrote. Time has passed since:
// buckets have refilled, and windows may have ended. If the wall clock was set back
// since, buckets refill from now on. The new Store accepts the listing cursors of the old
// one.
//
// Load returns the whole content or an error. The error wraps ErrDamaged, with the
// reason; fs.ErrNotExist; or store.ErrFull, if the file has more subjects than cfg
// allows. A file of another version than this package writes is an error too.
//
// A record with an unknown member counts as damaged, because the member may be a
// restriction.
func Load(path string, cfg Config) (*Store, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("store/memory: load: %w", err)
	}
	defer f.Close()
	s, err := load(f, cfg)
	if err != nil {
		return nil, fmt.Errorf("store/memory: load %s: %w", path, err)
	}
	return s, nil
}

// load fills a new Store. Nobody else has the Store before load returns it, so its locks
// are not taken, and a file that turns out to be damaged changes nothing.
func load(r io.Reader, cfg Config) (*Store, error) {
	in := &reader{s: New(cfg), at: time.Now()}
	lines, sum := bufio.NewReader(r), sha256.New()
	for !in.ended {
		text, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil, fmt.Errorf("%w: line %d: end record missing", ErrDamaged, in.records+1)
		}
		if err != nil {
			return nil, err
		}
		if err := in.read(text, sum.Sum(nil)); err != nil {
			return nil, fmt.Errorf("line %d: %w", in.records+1, err)
		}
		sum.Write(text)
		in.records++
	}
	if _, err := lines.ReadByte(); err != io.EOF {
		return nil, fmt.Errorf("%w: data after the end record", ErrDamaged)
	}
	return in.s, nil
}

// A reader puts records into a new Store.
type reader struct {
	s       *Store
	at      time.Time // when load began
	records int
	ended   bool
	setBack bool     // the wall clock was set back since the file was saved
	meters  []*field // of the file; ended windows share them, so none has an extension
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// read reads one line. sum is that of the lines before it.
func (in *reader) read(text, sum []byte) error {
	var r record
	dec := json.NewDecoder(bytes.NewReader(text))

	// An unknown member may restrict what the rest of a record allows. The head alone may
	// have some: a newer release is to be told by its version.
	if in.records > 0 {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(&r); err != nil {
		return damaged("%w", err)
	}
	if dec.More() {
		return damaged("data after the record")
	}
	if first := in.records == 0; first != (r.Head != nil) {
		return damaged("header record missing or misplaced")
	}

	keys, plans := &in.s.keys, &in.s.plans
	switch {
	case r.Head != nil:
		return in.head(r.Head)
	case r.Plan != nil:
		return restore(&plans.list, r.Plan, plans.last, plans.insert)
	case r.Link != nil:
		return in.link(r.Link)
	case r.Group != nil:
		return restore(&plans.groups.list, r.Group, plans.last, plans.insertGroup)
	case r.Key != nil:
		return restore(&keys.list, r.Key, keys.last, keys.insert)
	case r.Meter != nil:
		return in.meter(r.Meter.meter())
	case r.Account != nil:
		return in.account(r.Account)
	case r.Moved != nil:
		return in.moved(r.Moved)
	case r.End != nil:
		return in.end(r.End, sum)
	}
	return damaged("unknown record")
}

func (in *reader) head(h *head) error {
	switch {
	case h.Version > formatVersion:
		return fmt.Errorf("version %d: want %d: a newer release wrote the file", h.Version, formatVersion)
	case h.Version < 1:
		return damaged("version %d: want %d", h.Version, formatVersion)
	case h.Version < formatVersion:
		return fmt.Errorf("version %d: want %d: an older release wrote the file", h.Version, formatVersion)
	}
	in.s.keys.last, in.s.plans.last = h.Keys, h.Plans
	in.setBack = in.now() < h.Saved
	return nil
}

func (in *reader) end(e *end, sum []byte) error {
	in.ended = true
	want, err := hex.DecodeString(e.Sum)
	if err != nil || !bytes.Equal(want, sum) || e.Records != in.records {
		return damaged("checksum mismatch over %d records", e.Records)
	}
	return nil
}

// restore inserts a record under its number. The directory must have given the number,
// and it must be greater than the last one of the list, because listings search by
// number.
func restore[T any](l *list[T], r *numbered[T], last uint64, insert func(number uint64, record T) error) error {
	if n := len(l.items); r.Number < 1 || r.Number > last || n > 0 && l.items[n-1].number >= r.Number {
		return damaged("number %d is out of order", r.Number)
	}
	if err := insert(r.Number, r.Record); err != nil {
		return damaged("%w", err)
	}
	return nil
}

func (in *reader) link(l *numbered[usageplan.Link]) error {
	plans := &in.s.plans
	of := plans.ofPlan[l.Record.PlanID]
	if of == nil { // the first link of its plan
		of = new(list[usageplan.Link])
	}
	return restore(of, l, plans.last, plans.insertLink)
}

func (in *reader) meter(m store.Meter) error {
	if err := store.CheckMeters([]store.Meter{m}); err != nil {
		return damaged("%w", err)
	}
	in.meters = append(in.meters, &field{Meter: m})
	return nil
}

// account puts the states of a subject where charges would have put them.
func (in *reader) account(from *savedAccount) error {
	subject := string(from.Subject)
	number, hash, err := in.newSubject(subject)
	if err != nil {
		return err
	}
	sh := &in.s.shards[number]
	a := sh.account(sh.insert(hash, subject))
	for _, figures := range from.States {
		f, st, err := in.state(figures)
		if err != nil {
			return err
		}
		sh.restoreState(a, f, st, in.at, in.now())
	}
	sh.noteDue(a, in.at, in.now())
	return nil
}

// moved closes a subject.
func (in *reader) moved(m *savedMove) error {
	subject, to := string(m.Subject), string(m.To)
	number, _, err := in.newSubject(subject)
	if err != nil {
		return err
	}
	if n := len(to); n == 0 || n > store.MaxSubject || to == subject {
		return damaged("moved to %.100q", to)
	}
	sh := &in.s.shards[number]
	sh.close(subject, to, time.Unix(m.Until, 0))
	return nil
}

// newSubject makes room for one more subject, and returns where it belongs. It may have
// to evict others even if the saved Store was never above its limit: Save copies one
// shard after another, and so the file may have both a subject that was evicted during
// Save and the subject that replaced it.
func (in *reader) newSubject(subject string) (number, hash uint64, err error) {
	c := store.NewCharge(subject, 0)
	if err := c.Check(); err != nil {
		return 0, 0, damaged("%w", err)
	}
	number, hash = in.s.hash(subject)
	sh := &in.s.shards[number]
	if sh.find(hash, subject) != nil || sh.closed.check(subject) != nil {
		return 0, 0, damaged("duplicate subject")
	}
	for !sh.makeSpace(1, in.at, in.now()) || !in.s.countSubjects(1) {
		if !in.s.evict(sh, in.at, in.now()) {
			return 0, 0, fmt.Errorf("more than %d subjects: %w", in.s.max, store.ErrFull)
		}
	}
	return number, hash, nil
}

// now returns the instant of the load on the buckets' clock.
func (in *reader) now() int64 { return in.s.micros(in.at) }

// state returns the field of a state's meter and the state, or an error if a figure is
// out of bounds. The sum of a file shows only that the file is whole, and not that its
// figures are safe to calculate with.
func (in *reader) state(figures []int64) (*field, *store.State, error) {
	if len(figures) == 0 || uint64(figures[0]) >= uint64(len(in.meters)) {
		return nil, nil, damaged("state of an unknown meter")
	}
	f, st := in.meters[figures[0]], new(store.State)
	m := &f.Meter

	// A bucket's Last in the future would hold it up until then. From now on the bucket
	// refills again, and the time that passed before is not counted twice.
	if in.setBack && !m.IsWindow() && len(figures) == bucketFigures {
		figures[3] = min(figures[3], in.now())
	}
	for _, n := range figures[1:] {
		if n > store.MaxUnits || n < -store.MaxUnits {
			return nil, nil, damaged("state %d: want at most 2^53-1", n)
		}
	}

	switch {
	case m.IsWindow() && len(figures) == windowFigures:
		st.Window = store.Window{Used: figures[1], Extra: figures[2], Last: figures[3]}
		if w := &st.Window; w.Used < 0 || w.Last < 0 || w.Last > store.MaxLast {
			return nil, nil, damaged("window %d, %d: want 0 or more, and the last up to %d", w.Used, w.Last, store.MaxLast)
		}
	case !m.IsWindow() && len(figures) == bucketFigures:
		st.Bucket = store.Bucket{Tokens: figures[1], Part: figures[2], Per: max(m.Rate.Per, 1), Last: figures[3]}
		if b := &st.Bucket; b.Tokens < 0 || b.Part < 0 || b.Part >= b.Per {
			return nil, nil, damaged("bucket %d, %d: want 0 or more, and the part below %d", b.Tokens, b.Part, b.Per)
		}
	default:
		return nil, nil, damaged("state of %d figures", len(figures))
	}
	return f, st, nil
}
