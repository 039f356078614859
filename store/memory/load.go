package memory

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// ErrDamaged is wrapped by the error of Load for a file that Save did not write, or that
// has changed since.
var ErrDamaged = errors.New("store/memory: damaged file")

// Load makes a Store of a file that Save wrote. Buckets have refilled meanwhile, and
// windows that ended have ended; where the clock was set back since, buckets refill from
// now on. Cursors of listings are good for the new Store too.
//
// It is all or nothing. Errors: ErrDamaged with the reason, fs.ErrNotExist, a version
// that is newer than this package, and store.ErrFull if the file has more subjects than
// cfg allows. A record with a member that this release does not know is ErrDamaged too,
// since the member may be a restriction.
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

func load(r io.Reader, cfg Config) (*Store, error) {
	in := &reader{s: New(cfg), at: time.Now()}
	lines, sum := bufio.NewReader(r), sha256.New()
	for !in.ended {
		text, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil, fmt.Errorf("%w: line %d: no end", ErrDamaged, in.records+1)
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
		return nil, fmt.Errorf("%w: more after the end", ErrDamaged)
	}
	return in.s, nil
}

// reader puts records into a new Store.
type reader struct {
	s       *Store
	at      time.Time
	records int
	ended   bool
	setBack bool    // the clock, since the file was saved
	meters  []*held // with no extra, as windows that have ended share them
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// read is one line; sum is of those before it.
func (in *reader) read(text, sum []byte) error {
	var r record
	dec := json.NewDecoder(bytes.NewReader(text))
	if in.records > 0 { // the head has been read, and its version is known
		dec.DisallowUnknownFields() // what it means may be less than the rest of the record allows
	}
	if err := dec.Decode(&r); err != nil {
		return damaged("%w", err)
	}
	if dec.More() {
		return damaged("more on the line")
	}
	if first := in.records == 0; first != (r.Head != nil) {
		return damaged("a head first, and nowhere else")
	}
	switch {
	case r.Head != nil:
		return in.head(r.Head)
	case r.Plan != nil:
		return in.plan(r.Plan)
	case r.Link != nil:
		return in.link(r.Link)
	case r.Key != nil:
		return in.key(r.Key)
	case r.Meter != nil:
		return in.meter(r.Meter.meter())
	case r.Account != nil:
		return in.account(r.Account)
	case r.End != nil:
		in.ended = true
		if want, err := hex.DecodeString(r.End.Sum); err != nil || !bytes.Equal(want, sum) || r.End.Records != in.records {
			return damaged("the sum of %d records is not theirs", r.End.Records)
		}
		return nil
	}
	return damaged("no known record")
}

func (in *reader) head(h *head) error {
	if h.Version > formatVersion {
		return fmt.Errorf("version %d: want at most %d: the file is of a newer release", h.Version, formatVersion)
	}
	if h.Version < 1 {
		return damaged("version %d", h.Version)
	}
	in.s.keys.last, in.s.plans.last = h.Keys, h.Plans
	in.setBack = in.micros() < h.Saved
	return nil
}

// follows says whether a number is one that a directory gave, after the last of a list.
func follows[T any](l *list[T], number, last uint64) error {
	if n := len(l.items); number < 1 || number > last || n > 0 && l.items[n-1].number >= number {
		return damaged("number %d is out of order", number)
	}
	return nil
}

func (in *reader) key(k *numbered[apikey.Key]) error {
	ks := &in.s.keys
	if err := follows(&ks.list, k.Number, ks.last); err != nil {
		return err
	}
	if err := ks.insert(k.Number, k.Record); err != nil {
		return damaged("%w", err)
	}
	return nil
}

func (in *reader) plan(p *numbered[usageplan.Plan]) error {
	ps := &in.s.plans
	if err := follows(&ps.list, p.Number, ps.last); err != nil {
		return err
	}
	if err := ps.insert(p.Number, p.Record); err != nil {
		return damaged("%w", err)
	}
	return nil
}

func (in *reader) link(l *numbered[usageplan.Link]) error {
	ps := &in.s.plans
	if of := ps.ofPlan[l.Record.PlanID]; of != nil {
		if err := follows(of, l.Number, ps.last); err != nil {
			return err
		}
	}
	if err := ps.insertLink(l.Number, l.Record); err != nil {
		return damaged("%w", err)
	}
	return nil
}

func (in *reader) meter(m store.Meter) error {
	if err := store.Check([]store.Meter{m}); err != nil {
		return damaged("%w", err)
	}
	in.meters = append(in.meters, &held{Meter: m})
	return nil
}

// account puts the states of a subject where charges would have put them.
func (in *reader) account(from *saved) error {
	c := store.Charge{Subject: string(from.Subject)}
	if err := c.Check(); err != nil {
		return damaged("%w", err)
	}
	hash := maphash.String(in.s.seed, c.Subject)
	sh := &in.s.shards[hash>>in.s.shift]
	if sh.find(hash, c.Subject) != nil {
		return damaged("a subject is there twice")
	}
	now := in.micros()
	slot, ok := sh.insert(hash, c.Subject, in.at, now)
	for !ok { // while it was saved one may have made way for another, and both be in the file
		if !in.s.makeRoom(sh, in.at, now) {
			return fmt.Errorf("more than %d subjects: %w", in.s.max, store.ErrFull)
		}
		slot, ok = sh.insert(hash, c.Subject, in.at, now)
	}
	a := sh.at(slot)
	for _, figures := range from.States {
		h, st, err := in.state(figures)
		if err != nil {
			return err
		}
		if live := a.layout.find(&h.Meter, -1); h.IsWindow() && live != nil && live.Start > h.Start && st.window.Extra == 0 && !a.more.holds(&h.Meter) {
			if a.more == nil {
				a.more = new(more)
			}
			a.more.end(h, st.window.Used, in.at)
		} else {
			sh.rewrite(a, &h.Meter, st, in.at, now)
		}
	}
	sh.expect(a, in.at, now)
	return nil
}

// micros is now, on the buckets' clock.
func (in *reader) micros() int64 { return in.s.epoch + in.at.Sub(in.s.base).Microseconds() }

// state is that of one meter, within its bounds.
func (in *reader) state(figures []int64) (*held, *state, error) {
	if len(figures) == 0 || uint64(figures[0]) >= uint64(len(in.meters)) {
		return nil, nil, damaged("a state of no known meter")
	}
	h, st := in.meters[figures[0]], new(state)
	m := &h.Meter
	if in.setBack && !m.IsWindow() && len(figures) == bucketFigures {
		figures[3] = min(figures[3], in.micros()) // time begins anew, and mints nothing
	}
	for _, n := range figures[1:] {
		if n > store.MaxUnits || n < -store.MaxUnits {
			return nil, nil, damaged("state %d: want at most 2^53-1", n)
		}
	}
	switch {
	case m.IsWindow() && len(figures) == windowFigures:
		st.window = store.Window{Used: figures[1], Extra: figures[2]}
		if st.window.Used < 0 {
			return nil, nil, damaged("used %d: want 0 or more", st.window.Used)
		}
	case !m.IsWindow() && len(figures) == bucketFigures:
		st.bucket = store.Bucket{Tokens: figures[1], Part: figures[2], Per: max(m.Rate.Per, 1), Last: figures[3]}
		if b := &st.bucket; b.Tokens < 0 || b.Part < 0 || b.Part >= b.Per {
			return nil, nil, damaged("bucket %d, %d: want 0 or more, and the part below %d", b.Tokens, b.Part, b.Per)
		}
	default:
		return nil, nil, damaged("%d figures of a state", len(figures))
	}
	return h, st, nil
}
