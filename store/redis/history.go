package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/ration-go/ration/history"
)

// historyStore keeps an audit log in a stream. Each item has one Entry as JSON. The
// cursor of a page is the ID of the item before it.
type historyStore struct {
	store  *Store
	bounds history.Bounds
}

// History returns a history.Store over s. All processes with the same Prefix share its
// entries, and each keeps the Bounds that it was given. For one page it examines at most
// 500 entries, so a filtered page may be short, or empty, and still have a next cursor.
func (s *Store) History(b history.Bounds) history.Store { return &historyStore{s, b.WithDefaults()} }

const (
	// maxListed is the most entries that are read for one page.
	maxListed = 500

	historyField = "entry"
)

// Append implements history.Store. The command is sent once: after an error of the
// connection, the entry may have been added.
func (h *historyStore) Append(ctx context.Context, e history.Entry) error {
	if err := h.append(ctx, e); err != nil {
		return commandError(err, "append to the history")
	}
	return nil
}

func (h *historyStore) append(ctx context.Context, e history.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.Validate(); err != nil {
		return err
	}
	e.At = e.At.UTC().Truncate(time.Microsecond)
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	l, err := h.store.connected(ctx)
	if err != nil {
		return err
	}
	key := h.store.directoryKey("history")
	err = l.command(ctx, func(ctx context.Context) rueidis.RedisResult {
		return l.client.Do(ctx, l.client.B().Xadd().Key(key).Maxlen().Exact().Threshold(strconv.Itoa(h.bounds.Max)).Id("*").
			FieldValue().FieldValue(historyField, rueidis.BinaryString(text)).Build())
	}).Error()
	if err != nil || h.bounds.MaxAge == 0 {
		return err
	}
	oldest := strconv.FormatInt(h.bounds.Oldest().UnixMilli(), 10)
	return l.command(ctx, func(ctx context.Context) rueidis.RedisResult {
		return l.client.Do(ctx, l.client.B().Xtrim().Key(key).Minid().Threshold(oldest).Build())
	}).Error()
}

// List implements history.Store.
func (h *historyStore) List(ctx context.Context, f history.Filter, cursor string, limit int) (page []history.Entry, next string, err error) {
	if page, next, err = h.list(ctx, f, cursor, limit); err != nil {
		return nil, "", commandError(err, "list the history")
	}
	return page, next, nil
}

func (h *historyStore) list(ctx context.Context, f history.Filter, cursor string, limit int) (page []history.Entry, next string, err error) {
	if limit < 1 {
		err = fmt.Errorf("%w: limit: %d: want 1 or more", history.ErrInvalid, limit)
	}
	if cursor != "" && !isStreamID(cursor) {
		err = errors.Join(err, fmt.Errorf("%w: cursor: %.40q: want one that a listing gave", history.ErrInvalid, cursor))
	}
	if err != nil {
		return nil, "", err
	}
	if oldest := h.bounds.Oldest(); oldest.After(f.Since) {
		f.Since = oldest
	}
	examined := maxListed
	if f == (history.Filter{}) {
		examined = min(limit, maxListed)
	}
	items, err := h.items(ctx, cursor, examined+1)
	for i := range items {
		if len(page) == limit || i == examined {
			return page, items[i-1].ID, nil
		}
		var e history.Entry
		if err := json.Unmarshal([]byte(items[i].FieldValues[historyField]), &e); err != nil {
			return nil, "", fmt.Errorf("item %s: %w", items[i].ID, err)
		}
		if f.Passes(&e) {
			page = append(page, e)
		}
	}
	return page, "", err
}

// isStreamID reports whether text is the ID that Redis gives to an item: two numbers of
// 64 bits, as Redis writes them, which are not both 0. Redis fails for any other ID, and
// that would look like an outage.
func isStreamID(text string) bool {
	ms, seq, _ := strings.Cut(text, "-")
	m, errM := strconv.ParseUint(ms, 10, 64)
	s, errS := strconv.ParseUint(seq, 10, 64)
	return errM == nil && errS == nil && text != "0-0" && text == fmt.Sprintf("%d-%d", m, s)
}

// items returns the newest items before the one with the ID of a cursor. See getRecord
// for why the command is made by Arbitrary.
func (h *historyStore) items(ctx context.Context, cursor string, count int) ([]rueidis.XRangeEntry, error) {
	from := "+"
	if cursor != "" {
		from = "(" + cursor
	}
	return h.store.readTwice(ctx, func(ctx context.Context, l *link) rueidis.RedisResult {
		return l.client.Do(ctx, l.client.B().Arbitrary("XREVRANGE").Keys(h.store.directoryKey("history")).
			Args(from, "-", "COUNT", strconv.Itoa(count)).Build())
	}).AsXRange()
}

// Format prints the name of the type. See Store.Format.
func (h *historyStore) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "redis.historyStore")
}
