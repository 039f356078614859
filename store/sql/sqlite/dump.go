package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/store"
)

var _ store.Dumper = (*Store)(nil)

// The statements of Dump. Each reads the rows of the subjects of a page, by its index.
const (
	selectSubjects = `SELECT subject FROM (
		SELECT * FROM (SELECT DISTINCT subject FROM ration_windows WHERE subject > ?1 ORDER BY subject LIMIT ?2)
		UNION SELECT * FROM (SELECT DISTINCT subject FROM ration_buckets WHERE subject > ?1 ORDER BY subject LIMIT ?2)
		UNION SELECT * FROM (SELECT subject FROM ration_moves WHERE subject > ?1 ORDER BY subject LIMIT ?2)
	) ORDER BY subject LIMIT ?2`
	selectWindows = "SELECT subject, name, start, used, extra, last_span, ends, kept_until FROM ration_windows WHERE subject > ? AND subject <= ?"
	selectBuckets = "SELECT subject, name, tokens, part, per, updated, full_by FROM ration_buckets WHERE subject > ? AND subject <= ?"
	selectMoves   = "SELECT subject, moved_to, closed_until FROM ration_moves WHERE subject > ? AND subject <= ?"
)

// maxPage bounds the subjects that a page of Dump reads at a time.
const maxPage = 1000

// Dump implements store.Dumper. It reads the subjects in the order of their bytes, and
// each page in one transaction. The file does not tell which buckets are rare: those
// whose names are IDs of requests, as a Gate names them, are.
func (s *Store) Dump(ctx context.Context, from string, limit int) (records []store.Record, next string, err error) {
	after, err := parseDumpCursor(from)
	if err == nil && limit < 1 {
		err = fmt.Errorf("limit: %d: want 1 or more", limit)
	}
	if err != nil {
		return nil, "", fmt.Errorf("store/sqlite: dump: %w: %w", store.ErrInvalid, err)
	}
	if records, err = s.dump(ctx, after, min(limit, maxPage)); err != nil {
		return nil, "", fmt.Errorf("store/sqlite: dump: %w", explain(err))
	}
	if len(records) == min(limit, maxPage) {
		next = dumpCursor(records[len(records)-1].Subject)
	}
	return records, next, nil
}

const dumpPrefix = "after:"

// dumpCursor returns the cursor of the page that follows a subject.
func dumpCursor(subject string) string {
	return dumpPrefix + base64.RawURLEncoding.EncodeToString([]byte(subject))
}

func parseDumpCursor(cursor string) (after []byte, err error) {
	if cursor == "" {
		return []byte{}, nil
	}
	text, ok := strings.CutPrefix(cursor, dumpPrefix)
	after, err = base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(after) == 0 || len(after) > store.MaxSubject {
		return nil, fmt.Errorf("cursor: %.40q: want one that a dump gave", cursor)
	}
	return after, nil
}

// dump returns the records of the first subjects after one.
func (s *Store) dump(ctx context.Context, after []byte, limit int) ([]store.Record, error) {
	conn, err := s.readers.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	var version int
	if err := tx.QueryRowContext(ctx, selectVersion).Scan(&version); err != nil {
		return nil, err
	}
	if err := checkVersion(version, len(Migrations())); err != nil {
		return nil, err
	}
	d := &dump{index: map[string]int{}}
	if err := d.each(ctx, tx, d.subject, selectSubjects, after, limit); err != nil || len(d.records) == 0 {
		return nil, err
	}
	last := []byte(d.records[len(d.records)-1].Subject)
	err = cmp.Or(
		d.each(ctx, tx, d.window, selectWindows, after, last),
		d.each(ctx, tx, d.bucket, selectBuckets, after, last),
		d.each(ctx, tx, d.moved, selectMoves, after, last),
	)
	return d.records, err
}

// A dump is a page that is read.
type dump struct {
	records []store.Record
	index   map[string]int // of the records, by their subjects
}

// each calls read with each row of a query.
func (d *dump) each(ctx context.Context, tx *sql.Tx, read func(*sql.Rows) error, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (d *dump) subject(rows *sql.Rows) error {
	var subject []byte
	err := rows.Scan(&subject)
	d.index[string(subject)] = len(d.records)
	d.records = append(d.records, store.Record{Subject: string(subject)})
	return err
}

func (d *dump) window(rows *sql.Rows) error {
	var subject, name []byte
	r := &row{isWindow: true}
	w := &r.state.Window
	if err := rows.Scan(&subject, &name, &r.start, &w.Used, &w.Extra, &w.Last, &r.ends, &r.keep); err != nil {
		return err
	}
	return d.add(r, subject, name)
}

func (d *dump) bucket(rows *sql.Rows) error {
	var subject, name []byte
	r := &row{}
	b := &r.state.Bucket
	if err := rows.Scan(&subject, &name, &b.Tokens, &b.Part, &b.Per, &b.Last, &r.keep); err != nil {
		return err
	}
	return d.add(r, subject, name)
}

// add adds the state of a row to the record of its subject.
func (d *dump) add(r *row, subject, name []byte) error {
	r.subject, r.name = string(subject), string(name)
	if err := r.check(); err != nil {
		return err
	}
	record := &d.records[d.index[r.subject]]
	record.States = append(record.States, store.MeterState{
		Name: r.name, Rare: !r.isWindow && strings.HasPrefix(r.name, metername.IDPrefix), IsWindow: r.isWindow,
		Start: r.start, End: r.ends, Until: min(r.keep, store.MaxUnits), State: r.state,
	})
	return nil
}

func (d *dump) moved(rows *sql.Rows) error {
	var subject, to []byte
	var until int64
	err := rows.Scan(&subject, &to, &until)
	r := &d.records[d.index[string(subject)]]
	r.MovedTo, r.Until = string(to), until
	return err
}
