package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/ration-go/ration/store"
)

// restoreTogether is how many records one transaction restores. Charges of their subjects
// wait meanwhile.
const restoreTogether = 500

// The statements of Restore. lockSubjects locks the rows of subjects in their order, as a
// charge does, and makes those that are missing. Of two states of one meter the others
// keep the one that store.MeterState.Supersedes keeps.
const (
	lockSubjects = `INSERT INTO ration_subjects AS o (subject) SELECT k.subject FROM unnest($1::text[]) AS k (subject)
		ON CONFLICT (subject) DO UPDATE SET subject = o.subject RETURNING o.subject, coalesce(o.moved_to, '')`
	restoreWindows = `INSERT INTO ration_windows AS o (subject, name, start, ends, used, extra, last_span, kept_until)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
		ON CONFLICT (subject, name, start) DO UPDATE
		SET used = excluded.used, extra = excluded.extra, last_span = excluded.last_span, kept_until = greatest(o.kept_until, excluded.kept_until)
		WHERE (excluded.used, -excluded.extra, excluded.last_span) > (o.used, -o.extra, o.last_span)`
	restoreBuckets = `INSERT INTO ration_buckets AS o (subject, name, tokens, part, per, updated, full_by)
		SELECT k.subject, k.name, k.tokens, k.part, k.per, k.updated, nullif(k.full_by, 9007199254740991)
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
			AS k (subject, name, tokens, part, per, updated, full_by)
		ON CONFLICT (subject, name) DO UPDATE
		SET tokens = excluded.tokens, part = excluded.part, per = excluded.per, updated = excluded.updated,
			full_by = greatest(o.full_by, excluded.full_by) + CASE WHEN o.full_by IS NULL OR excluded.full_by IS NULL THEN NULL ELSE 0 END
		WHERE (excluded.updated, -excluded.tokens, -excluded.part::float8 / excluded.per) > (o.updated, -o.tokens, -o.part::float8 / o.per)`
	dropSpentBuckets = "DELETE FROM ration_buckets WHERE subject = $1 AND full_by < $2"
	dropSpentWindows = "DELETE FROM ration_windows WHERE subject = $1 AND kept_until < $2"
	subjectInUse     = "SELECT EXISTS (SELECT FROM ration_buckets WHERE subject = $1) OR EXISTS (SELECT FROM ration_windows WHERE subject = $1)"
	closeSubject     = "UPDATE ration_subjects SET moved_to = $2, closed_until = greatest(coalesce(closed_until, $3), $3) WHERE subject = $1"
	serverSeconds    = "SELECT ration_clock() / 1000000"
)

// Restore implements store.Dumper. It restores some hundred records in one transaction.
func (s *Store) Restore(ctx context.Context, records []store.Record) error {
	if err := store.CheckRecords(records); err != nil {
		return fmt.Errorf("store/postgres: restore: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store/postgres: restore: %w", err)
	}
	if err := s.checkReady(ctx); err != nil {
		return fmt.Errorf("store/postgres: restore: %w", explain(err))
	}
	for some := range slices.Chunk(records, restoreTogether) {
		restore := func(tx pgx.Tx) error { return restoreAll(ctx, tx, some) }
		if err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, restore); err != nil {
			return fmt.Errorf("store/postgres: restore: %w", explain(err))
		}
	}
	return nil
}

func restoreAll(ctx context.Context, tx pgx.Tx, records []store.Record) error {
	moved, err := lock(ctx, tx, records)
	if err != nil {
		return err
	}
	var all columns
	for i := range records {
		r := &records[i]
		switch to := moved[escapeText(r.Subject)]; {
		case r.MovedTo != "":
			err = restoreClosed(ctx, tx, r, to)
		case to != "":
			err = &store.MovedError{Subject: r.Subject, To: unescapeText(to)}
		default:
			err = all.add(ctx, tx, r)
		}
		if err != nil {
			return fmt.Errorf("subject %.100q: %w", r.Subject, err)
		}
	}
	return all.write(ctx, tx)
}

// lock locks the rows of all subjects, and returns where those that are closed have
// moved.
func lock(ctx context.Context, tx pgx.Tx, records []store.Record) (map[string]string, error) {
	var subjects []string
	for i := range records {
		if r := &records[i]; len(r.States) > 0 || r.MovedTo != "" {
			subjects = append(subjects, escapeText(r.Subject))
		}
	}
	slices.Sort(subjects)
	rows, err := tx.Query(ctx, lockSubjects, pgx.QueryExecModeExec, slices.Compact(subjects))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	moved := map[string]string{}
	for rows.Next() {
		var subject, to string
		if err := rows.Scan(&subject, &to); err != nil {
			return nil, err
		}
		moved[subject] = to
	}
	return moved, rows.Err()
}

// columns are the states of records, as arrays of their columns.
type columns struct {
	seen                          map[meterOf]bool
	windowSubjects, windowNames   []string
	start, ends, used, extra      []int64
	last, kept                    []int64
	bucketSubjects, bucketNames   []string
	tokens, part, per, at, fullBy []int64
}

// meterOf identifies a meter of a subject.
type meterOf struct {
	subject, name string
	isWindow      bool
	start         int64
}

// add adds the states of a record. One statement cannot write a row twice, so it writes
// first if there was a record of the subject before.
func (c *columns) add(ctx context.Context, tx pgx.Tx, r *store.Record) error {
	subject := escapeText(r.Subject)
	for i := range r.States {
		s := &r.States[i]
		id := meterOf{r.Subject, s.Name, s.IsWindow, s.Start}
		if c.seen[id] {
			if err := c.write(ctx, tx); err != nil {
				return err
			}
		}
		if c.seen == nil {
			c.seen = map[meterOf]bool{}
		}
		c.seen[id] = true
		name, w, b := escapeText(s.Name), &s.Window, &s.Bucket
		if s.IsWindow {
			c.windowSubjects, c.windowNames = append(c.windowSubjects, subject), append(c.windowNames, name)
			c.start, c.ends = append(c.start, s.Start), append(c.ends, cmp.Or(s.End, s.Until))
			c.used, c.extra = append(c.used, w.Used), append(c.extra, w.Extra)
			c.last, c.kept = append(c.last, w.Last), append(c.kept, s.Until)
			continue
		}
		c.bucketSubjects, c.bucketNames = append(c.bucketSubjects, subject), append(c.bucketNames, name)
		c.tokens, c.part = append(c.tokens, b.Tokens), append(c.part, b.Part)
		c.per, c.at, c.fullBy = append(c.per, b.Per), append(c.at, b.Last), append(c.fullBy, s.Until)
	}
	return nil
}

// write writes the rows, and empties c.
func (c *columns) write(ctx context.Context, tx pgx.Tx) error {
	if len(c.start) > 0 {
		if _, err := tx.Exec(ctx, restoreWindows, pgx.QueryExecModeExec, c.windowSubjects, c.windowNames,
			c.start, c.ends, c.used, c.extra, c.last, c.kept); err != nil {
			return err
		}
	}
	if len(c.tokens) > 0 {
		if _, err := tx.Exec(ctx, restoreBuckets, pgx.QueryExecModeExec, c.bucketSubjects, c.bucketNames,
			c.tokens, c.part, c.per, c.at, c.fullBy); err != nil {
			return err
		}
	}
	*c = columns{}
	return nil
}

// restoreClosed closes the subject of a record. to is where it has moved already, as a
// column has it.
func restoreClosed(ctx context.Context, tx pgx.Tx, r *store.Record, to string) error {
	subject, target := escapeText(r.Subject), escapeText(r.MovedTo)
	if to != "" && to != target {
		return fmt.Errorf("%w: closed for %.100q: want it closed for %.100q, or open", store.ErrInvalid, unescapeText(to), r.MovedTo)
	}
	var now int64
	if err := tx.QueryRow(ctx, serverSeconds, pgx.QueryExecModeExec).Scan(&now); err != nil {
		return err
	}
	for _, drop := range []string{dropSpentBuckets, dropSpentWindows} {
		if _, err := tx.Exec(ctx, drop, pgx.QueryExecModeExec, subject, now); err != nil {
			return err
		}
	}
	var inUse bool
	if err := tx.QueryRow(ctx, subjectInUse, pgx.QueryExecModeExec, subject).Scan(&inUse); err != nil {
		return err
	}
	if inUse {
		return fmt.Errorf("%w: in use: want no state of a subject that is closed", store.ErrInvalid)
	}
	_, err := tx.Exec(ctx, closeSubject, pgx.QueryExecModeExec, subject, target, r.Until)
	return err
}
