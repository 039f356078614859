package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// A Migration is one step from one version of the schema to the next.
type Migration struct {
	Version int    // the version to which it leads, from 1
	Name    string // what it adds
	SQL     string // its statements, for people who run them by other means
}

// Migrations returns all migrations in their order. Each is to be run once, in one
// transaction. Its last statement writes the version down. Most services call
// [Store.Migrate] instead.
func Migrations() []Migration {
	entries, err := fs.ReadDir(migrationFiles, "migrations") // sorted by name
	if err != nil {
		panic(err) // the files are part of the program
	}
	var all []Migration
	for i, entry := range entries {
		text, err := migrationFiles.ReadFile("migrations/" + entry.Name())
		if err != nil {
			panic(err)
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(entry.Name(), ".sql"), "_")
		m := Migration{Version: i + 1, Name: name}
		m.SQL = fmt.Sprintf("%s\nINSERT INTO ration_schema (version, name) VALUES (%d, '%s');\n", text, m.Version, m.Name)
		all = append(all, m)
	}
	return all
}

// migrationLock is the key of the advisory lock that lets one process migrate at a time:
// "ration" in ASCII.
const migrationLock int64 = 0x726174696f6e

// Migrate brings the schema to the version of this package. It runs the migrations that
// are missing in one transaction, and does nothing if none is. Several processes may call
// it at once. It returns an error if the schema is newer than this package.
//
// The tables belong to the first schema of the connection's search_path. Migrate needs
// the right to create tables and functions there. A service may call it as another user
// than the one who charges: see the package for the rights of that one.
func (s *Store) Migrate(ctx context.Context) error {
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		return migrate(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("store/postgres: migrate: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", migrationLock)); err != nil {
		return err
	}
	var encoding string
	if err := tx.QueryRow(ctx, "SHOW server_encoding", pgx.QueryExecModeExec).Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("server_encoding: %s: want UTF8, so that every name can be stored", encoding)
	}
	version, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	all := Migrations()
	if version > len(all) {
		return checkVersion(version)
	}
	for _, m := range all[version:] {
		// With arguments, or with a query mode, it could not have many statements.
		if _, err := tx.Exec(ctx, m.SQL); err != nil {
			return fmt.Errorf("version %d, %s: %w", m.Version, m.Name, err)
		}
	}
	return nil
}

// queryer is what reads the version of the schema: a pool or a transaction.
type queryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

var _ queryer = (*pgxpool.Pool)(nil)

// schemaVersion returns the version of the schema, or 0 if there is none.
func schemaVersion(ctx context.Context, q queryer) (version int, err error) {
	var found bool
	err = q.QueryRow(ctx, selectSchema, pgx.QueryExecModeExec).Scan(&found)
	if err != nil || !found {
		return 0, err
	}
	err = q.QueryRow(ctx, selectVersion, pgx.QueryExecModeExec).Scan(&version)
	return version, err
}

const (
	selectSchema  = "SELECT to_regclass('ration_schema') IS NOT NULL"
	selectVersion = "SELECT coalesce(max(version), 0) FROM ration_schema"
)

// checkVersion returns an error unless the schema has the version that this package
// wants. To write to a newer one by the rules of an older could spoil it.
func checkVersion(version int) error {
	switch want := len(Migrations()); {
	case version == 0:
		return errors.New("schema: no table ration_schema in the search_path: call Migrate")
	case version < want:
		return fmt.Errorf("schema: version %d: want %d: call Migrate", version, want)
	case version > want:
		return fmt.Errorf("schema: version %d: want at most %d: the database belongs to a newer release", version, want)
	}
	return nil
}
