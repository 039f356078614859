package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"
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

// Migrate brings the schema to the version of this package. It runs the migrations that
// are missing, each in one transaction, and does nothing if none is. Several processes
// may call it at once. It returns an error if the schema is newer than this package.
func (s *Store) Migrate(ctx context.Context) error {
	all := Migrations()
	for _, m := range all {
		err := s.writer.change(ctx, func(ctx context.Context, conn *sql.Conn) error {
			version, err := schemaVersion(ctx, conn)
			switch {
			case err != nil:
				return err
			case version > len(all):
				return errNewer(version, len(all))
			case version >= m.Version:
				return nil
			}
			if _, err = conn.ExecContext(ctx, m.SQL); err != nil {
				return fmt.Errorf("version %d, %s: %w", m.Version, m.Name, err)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("store/sqlite: migrate: %w", cause(err))
		}
	}
	return nil
}

// schemaVersion returns the version of the schema of a file, or 0 if it has none.
func schemaVersion(ctx context.Context, conn *sql.Conn) (version int, err error) {
	var found bool
	err = conn.QueryRowContext(ctx, selectSchema).Scan(&found)
	if err != nil || !found {
		return 0, err
	}
	err = conn.QueryRowContext(ctx, selectVersion).Scan(&version)
	return version, err
}

const (
	selectSchema  = "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = 'ration_schema'"
	selectVersion = "SELECT coalesce(max(version), 0) FROM ration_schema"
)

// checkVersion returns an error unless the schema has the version that this package
// wants.
func checkVersion(version, want int) error {
	switch {
	case version > want:
		return errNewer(version, want)
	case version < want:
		return fmt.Errorf("schema: version %d: want %d: call Migrate", version, want)
	}
	return nil
}

// errNewer refuses a schema that this package does not know. To write to it by the rules
// of an older one could spoil it.
func errNewer(version, want int) error {
	return fmt.Errorf("schema: version %d: want at most %d: the file belongs to a newer release", version, want)
}
