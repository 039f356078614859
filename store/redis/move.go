package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/store"
)

// The phases of a mark, which is the value of a closed subject:
//
//	'M', layout, phase, length of the name (an index), name, what is kept
//
// The name is that of the other subject of the Move.
const (
	moved    byte = '0' + iota // to the other subject
	leaving                    // for the other subject; the state is kept in the mark
	arriving                   // from the other subject; an older mark is kept
	arrived                    // from the other subject; its state is kept in the mark
)

// A Move whose subjects are on one server is one step. Otherwise it has steps, each of
// which can be repeated:
//
//	        old subject                new subject
//	look    is it moved already?
//	claim                              arriving; refused if it has a state
//	close   leaving, with its state
//	copy                               arrived, with the state
//	drop    moved, without its state
//	open                               open, with the state
//
// From claim to open, charges of the subjects fail. If the Move breaks off, a repeated
// one begins with look and goes on. The state is in one mark at least at any time. Only
// open makes it count, and the old subject has lost it then.
func (s *Store) move(ctx context.Context, l *link, c *store.Charge, at time.Time) error {
	m := mover{
		store: s, link: l, from: c.Parts[0].Subject, to: c.Parts[1].Subject, at: strconv.FormatInt(at.Unix(), 10),
	}
	var err error
	if s.isApart(l, c) {
		err = m.inSteps(ctx)
	} else {
		_, err = m.step(ctx, "all", append(s.keysOf(m.from), s.keysOf(m.to)...))
	}
	c.OK = err == nil
	switch {
	case err == nil:
		return nil
	case m.begun:
		return fmt.Errorf("store/redis: move: begun, to be repeated: %w", err)
	}
	return wrapError("move", fmt.Sprintf("one of the keys %q, %q", s.key(m.from), s.key(m.to)), asMoved(c, err))
}

// keysOf returns the keys of a subject.
func (s *Store) keysOf(subject string) []string {
	key := s.key(subject)
	return []string{key, key + ":past", key + ":ids"}
}

// mover makes the steps of a Move.
type mover struct {
	store    *Store
	link     *link
	from, to string
	at       string
	begun    bool // a step may have changed something
}

// inSteps makes all steps. If the old subject has gone elsewhere, this Move cannot go on.
// Its claim is then given up, because it would keep the new subject closed.
func (m *mover) inSteps(ctx context.Context) error {
	err := m.goOn(ctx)
	if e, ok := errors.AsType[*closedError](err); ok && e.part == 0 {
		_, openErr := m.step(ctx, "open", m.store.keysOf(m.to))
		m.begun = openErr != nil
	}
	return err
}

// goOn makes the steps that are not yet made.
func (m *mover) goOn(ctx context.Context) error {
	found, err := m.step(ctx, "look", m.store.keysOf(m.from))
	if err != nil {
		return err
	}
	m.begun = found[0] != "OPEN"
	if found[0] != "MOVED" {
		if err := m.carry(ctx); err != nil {
			return err
		}
	}
	_, err = m.step(ctx, "open", m.store.keysOf(m.to))
	return err
}

// carry makes the steps from claim to drop. If it finds that another caller has made the
// same Move meanwhile, it returns nil.
func (m *mover) carry(ctx context.Context) error {
	if _, err := m.step(ctx, "claim", m.store.keysOf(m.to)); err != nil {
		return m.unlessMoved(ctx, err)
	}
	m.begun = true
	state, err := m.step(ctx, "close", m.store.keysOf(m.from))
	if err != nil || state[0] == "MOVED" {
		return err
	}
	done, err := m.step(ctx, "copy", m.store.keysOf(m.to), state[1:]...)
	if err != nil {
		return err
	}
	if done[0] == "LOST" {
		return m.unlessMoved(ctx, fmt.Errorf("subject %.100q has lost its mark: want the move to be repeated", m.to))
	}
	_, err = m.step(ctx, "drop", m.store.keysOf(m.from))
	return err
}

// unlessMoved returns err, or nil if the old subject has moved.
func (m *mover) unlessMoved(ctx context.Context, err error) error {
	if found, lookErr := m.step(ctx, "look", m.store.keysOf(m.from)); lookErr == nil && found[0] == "MOVED" {
		return nil
	}
	return err
}

// step makes a step and returns its reply, which is not empty.
func (m *mover) step(ctx context.Context, name string, keys []string, more ...string) ([]string, error) {
	life := strconv.FormatInt(store.ClosedFor.Milliseconds(), 10)
	args := append([]string{name, m.from, m.to, m.at, life}, more...)
	reply, err := m.link.command(ctx, func(ctx context.Context) rueidis.RedisResult {
		return m.link.run(ctx, &m.store.scripts.move, keys, args)
	}).AsStrSlice()
	switch {
	case err != nil:
		return nil, err
	case len(reply) == 0 || !slices.Contains([]string{"OK", "OPEN", "MOVED", "LEAVING", "LOST", "USED", "CLOSED"}, reply[0]):
		return nil, fmt.Errorf("reply %.40q: want an outcome", reply)
	case reply[0] == "USED":
		return nil, fmt.Errorf("%w, %w: parts[1].subject: %.100q: in use: want a subject without state", store.ErrInvalid, store.ErrNotTaken, m.to)
	case reply[0] != "CLOSED":
		return reply, nil
	case len(reply) != 4 || len(reply[1]) != 1 || len(reply[2]) != 1:
		return nil, fmt.Errorf("reply %.40q: want a part, a phase and a subject", reply)
	}
	return nil, &closedError{part: int(reply[1][0] - '0'), phase: reply[2][0], other: reply[3]}
}
