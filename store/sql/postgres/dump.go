package postgres

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ration-go/ration/internal/metername"
	"github.com/ration-go/ration/store"
)

var _ store.Dumper = (*Store)(nil)

// The statements of Dump. Each reads the rows of the subjects of a page, by its index.
const (
	selectSubjects = "SELECT subject, coalesce(moved_to, ''), coalesce(closed_until, 0) FROM ration_subjects WHERE subject > $1 ORDER BY subject LIMIT $2"
	selectWindows  = "SELECT subject, name, start, ends, used, extra, last_span, kept_until FROM ration_windows WHERE subject > $1 AND subject <= $2"
	selectBuckets  = "SELECT subject, name, tokens, part, per, updated, coalesce(full_by, 9007199254740991) FROM ration_buckets WHERE subject > $1 AND subject <= $2"
)

// maxPage bounds the subjects that a page of Dump reads at a time.
const maxPage = 1000

// Dump implements store.Dumper. It reads the subjects in the order of their bytes, and
// each page in one transaction. The tables do not tell which buckets are rare: those
// whose names are IDs of requests, as a Gate names them, are.
func (s *Store) Dump(ctx context.Context, from string, limit int) (records []store.Record, next string, err error) {
	after, err := parseDumpCursor(from)
	if err == nil && limit < 1 {
		err = fmt.Errorf("limit: %d: want 1 or more", limit)
	}
	if err != nil {
		return nil, "", fmt.Errorf("store/postgres: dump: %w: %w", store.ErrInvalid, err)
	}
	d := &dump{index: map[string]*store.Record{}}
	if err := s.dump(ctx, d, after, min(limit, maxPage)); err != nil {
		return nil, "", fmt.Errorf("store/postgres: dump: %w", explain(err))
	}
	for _, r := range d.records {
		if len(r.States) > 0 || r.MovedTo != "" {
			records = append(records, *r)
		}
	}
	if len(d.records) == min(limit, maxPage) {
		next = dumpCursor(d.last)
	}
	return records, next, nil
}

const dumpPrefix = "after:"

// dumpCursor returns the cursor of the page that follows a subject, as a column has it.
func dumpCursor(subject string) string {
	return dumpPrefix + base64.RawURLEncoding.EncodeToString([]byte(subject))
}

func parseDumpCursor(cursor string) (after string, err error) {
	if cursor == "" {
		return "", nil
	}
	text, ok := strings.CutPrefix(cursor, dumpPrefix)
	subject, err := base64.RawURLEncoding.DecodeString(text)
	after = string(subject)
	if !ok || err != nil || after == "" || escapeText(unescapeText(after)) != after {
		return "", fmt.Errorf("cursor: %.40q: want one that a dump gave", cursor)
	}
	return after, nil
}

// A dump is a page that is read.
type dump struct {
	records []*store.Record
	index   map[string]*store.Record // by the subject, as a column has it
	last    string                   // the last subject, as a column has it
}

// dump reads the first subjects after one, and their states, all of one instant.
func (s *Store) dump(ctx context.Context, d *dump, after string, limit int) error {
	if err := s.checkReady(ctx); err != nil {
		return err
	}
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it only reads
	if err := d.each(ctx, tx, d.subject, selectSubjects, after, limit); err != nil || len(d.records) == 0 {
		return err
	}
	if err := d.each(ctx, tx, d.window, selectWindows, after, d.last); err != nil {
		return err
	}
	return d.each(ctx, tx, d.bucket, selectBuckets, after, d.last)
}

// each calls read with each row of a query.
func (d *dump) each(ctx context.Context, tx pgx.Tx, read func(pgx.Rows) error, query string, args ...any) error {
	rows, err := tx.Query(ctx, query, append([]any{pgx.QueryExecModeExec}, args...)...)
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

func (d *dump) subject(rows pgx.Rows) error {
	var to string
	r := new(store.Record)
	if err := rows.Scan(&d.last, &to, &r.Until); err != nil {
		return err
	}
	r.Subject, r.MovedTo = unescapeText(d.last), unescapeText(to)
	d.index[d.last] = r
	d.records = append(d.records, r)
	return nil
}

func (d *dump) window(rows pgx.Rows) error {
	var subject string
	m := store.MeterState{IsWindow: true}
	w := &m.Window
	if err := rows.Scan(&subject, &m.Name, &m.Start, &m.End, &w.Used, &w.Extra, &w.Last, &m.Until); err != nil {
		return err
	}
	m.Name = unescapeText(m.Name)
	d.add(subject, m)
	return nil
}

func (d *dump) bucket(rows pgx.Rows) error {
	var subject string
	var m store.MeterState
	b := &m.Bucket
	if err := rows.Scan(&subject, &m.Name, &b.Tokens, &b.Part, &b.Per, &b.Last, &m.Until); err != nil {
		return err
	}
	m.Name = unescapeText(m.Name)
	m.Rare = strings.HasPrefix(m.Name, metername.IDPrefix)
	d.add(subject, m)
	return nil
}

func (d *dump) add(subject string, m store.MeterState) {
	r := d.index[subject]
	m.Until = min(m.Until, store.MaxUnits)
	r.States = append(r.States, m)
}
