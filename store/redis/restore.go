package redis

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/ration-go/ration/store"
)

// restoreTogether is how many records go into one pipeline.
const restoreTogether = 128

// Restore implements store.Dumper. Each record is one call of a script, and many go
// together.
func (s *Store) Restore(ctx context.Context, records []store.Record) error {
	if err := store.CheckRecords(records); err != nil {
		return commandError(err, "restore")
	}
	for len(records) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(records), restoreTogether)
		if err := s.restore(ctx, records[:n]); err != nil {
			return commandError(err, "restore")
		}
		records = records[n:]
	}
	return nil
}

func (s *Store) restore(ctx context.Context, records []store.Record) error {
	l, err := s.connected(ctx)
	if err != nil {
		return err
	}
	calls := make([]scriptCall, len(records))
	for i := range records {
		calls[i] = scriptCall{s.keysOf(records[i].Subject), restoreArgs(&records[i])}
	}
	var errs []error
	for i, result := range l.runMany(ctx, &s.scripts.restore, calls) {
		reply, err := result.AsStrSlice()
		if err == nil {
			err = restoreOutcome(&records[i], reply)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("subject %.100q: %w", records[i].Subject, err))
		}
	}
	return errors.Join(errs...)
}

// restoreArgs returns the arguments of restore.lua.
func restoreArgs(r *store.Record) []string {
	if r.MovedTo != "" {
		return []string{"moved", r.MovedTo, strconv.FormatInt(r.Until, 10)}
	}
	args := append(make([]string, 0, 1+3*len(r.States)), "states")
	for i := range r.States {
		m := &r.States[i]
		args = append(args, idOf(m), staticsOf(m), numbersOf(m))
	}
	return args
}

// idOf returns the name of a meter as in a head, without its index.
func idOf(m *store.MeterState) string {
	b := []byte{'\n', 'b'}
	switch {
	case m.IsWindow:
		b[1] = 'w'
	case m.Rare:
		b[1] = 'r'
	}
	return string(append(appendEscaped(b, m.Name, '\n'), '\n'))
}

// staticsOf returns the statics of a meter. The lifetime of a bucket is long enough for
// its Until.
func staticsOf(m *store.MeterState) string {
	if m.IsWindow {
		return string(appendNumber(appendNumber(nil, m.Start), m.Until))
	}
	life := int64(never)
	if m.Until < (store.MaxUnits+m.Bucket.Last)/1_000_000 {
		life = max(m.Until*1_000_000-m.Bucket.Last, 1)
	}
	if !m.Rare && life < never {
		life = 1 << max(bits.Len64(uint64(life-1)), 32)
	}
	return string(appendNumber(appendNumber(nil, m.Bucket.Per), life))
}

func numbersOf(m *store.MeterState) string {
	a, b, c := m.Bucket.Tokens, m.Bucket.Part, m.Bucket.Last
	if m.IsWindow {
		a, b, c = m.Window.Used, m.Window.Extra, m.Window.Last
	}
	return string(appendNumber(appendNumber(appendNumber(nil, a), b), c))
}

// restoreOutcome returns the error of a reply of restore.lua.
func restoreOutcome(r *store.Record, reply []string) error {
	switch {
	case len(reply) == 1 && reply[0] == "OK":
		return nil
	case len(reply) == 1 && reply[0] == "USED":
		return fmt.Errorf("%w: in use: want no state of a subject that is closed", store.ErrInvalid)
	case len(reply) == 4 && reply[0] == "CLOSED" && len(reply[2]) == 1:
		if r.MovedTo != "" {
			return fmt.Errorf("%w: closed for %.100q: want it closed for %.100q, or open", store.ErrInvalid, reply[3], r.MovedTo)
		}
		c := &store.Charge{Parts: []store.Part{{Subject: r.Subject}}}
		return asMoved(c, &closedError{phase: reply[2][0], other: reply[3]})
	}
	return fmt.Errorf("reply %.40q: want an outcome", reply)
}
