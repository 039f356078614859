package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/internal/cursor"
)

// A Memory is a Store in this process. Call NewMemory to make one.
//
// Caution: the end of the process ends it. An audit that must last needs one of the other
// Stores, or a Log whose lines are kept.
type Memory struct {
	bounds Bounds

	mu      sync.Mutex
	entries []Entry // a ring: the entry with the number n is at (n-1) % Max
	first   uint64  // the number of the oldest entry that is kept
	last    uint64  // the number of the newest entry; numbers begin with 1

	oldest time.Time // no entry that is kept is older
}

// NewMemory returns an empty Memory. An Entry takes the memory of its texts and states,
// which is at most 34 kB.
func NewMemory(b Bounds) *Memory { return &Memory{bounds: b.WithDefaults(), first: 1} }

// Append implements Store.
func (m *Memory) Append(ctx context.Context, e Entry) error {
	if err := cmp.Or(ctx.Err(), e.Validate()); err != nil {
		return fmt.Errorf("history: append: %w", err)
	}
	e = e.clone()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	if len(m.entries) < m.bounds.Max {
		m.entries = append(m.entries, e)
	} else {
		*m.entry(m.last) = e
	}
	m.forget()
	return nil
}

// entry returns the place of the entry with a number.
func (m *Memory) entry(n uint64) *Entry { return &m.entries[(n-1)%uint64(m.bounds.Max)] }

// forget notes which entry the newest one has replaced, and removes all that are too old.
// They are in any order, since a clock may have been ahead for a while.
func (m *Memory) forget() {
	m.first = max(m.first, m.last-uint64(len(m.entries))+1)
	m.oldest = earlier(m.oldest, m.entry(m.last).At)
	bound := m.bounds.Oldest()
	if !m.oldest.Before(bound) {
		return
	}
	m.oldest = time.Time{}
	for n := m.first; n <= m.last; n++ {
		if e := m.entry(n); e.At.Before(bound) {
			*e = Entry{}
		} else {
			m.oldest = earlier(m.oldest, e.At)
		}
	}
	for m.first < m.last && m.entry(m.first).At.IsZero() {
		m.first++
	}
}

// earlier returns the earlier one of two times. A zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) && !b.IsZero() {
		return b
	}
	return a
}

// List implements Store.
func (m *Memory) List(ctx context.Context, f Filter, from string, limit int) (page []Entry, next string, err error) {
	below, err := firstBelow(from, limit)
	if err = cmp.Or(ctx.Err(), err); err != nil {
		return nil, "", fmt.Errorf("history: list: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if below > m.last {
		return nil, "", fmt.Errorf("history: list: %w: %w", ErrInvalid, cursor.Fault(from))
	}
	if below == 0 {
		below = m.last + 1
	}
	f.Since = later(f.Since, m.bounds.Oldest())
	for n := below - 1; n >= m.first; n-- {
		e := m.entry(n)
		if !f.Passes(e) {
			continue
		}
		if len(page) == limit {
			return page, cursor.Format(n + 1), nil
		}
		page = append(page, e.clone())
	}
	return page, "", nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// firstBelow returns the number below which a page begins, or 0 for the first page.
func firstBelow(from string, limit int) (below uint64, err error) {
	below, err = cursor.Parse(from)
	if limit < 1 {
		err = errors.Join(err, fmt.Errorf("limit: %d: want 1 or more", limit))
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return below, nil
}

// clone returns a copy that shares no memory with e.
func (e Entry) clone() Entry {
	e.Before, e.After = slices.Clone(e.Before), slices.Clone(e.After)
	e.At = e.At.UTC().Truncate(time.Microsecond)
	return e
}
