package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ration-go/ration/store"
)

// settingsQuery reads what Check looks at, in one statement.
const settingsQuery = `SELECT current_setting('server_version_num')::int, current_setting('fsync'),
	current_setting('synchronous_commit'), current_setting('full_page_writes'), current_setting('transaction_isolation'),
	current_setting('transaction_read_only'), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// rightsQuery reads which rights the role lacks on tables of the counters.
const rightsQuery = `SELECT coalesce(string_agg(r || ' on ' || t, ', ' ORDER BY t, r), '')
	FROM unnest(ARRAY['ration_subjects', 'ration_buckets', 'ration_windows']) AS t,
		unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS r
	WHERE NOT has_table_privilege(t, r)`

// maxSkew is how far the clocks of the server and of this process may differ before Check
// reports it.
const maxSkew = time.Minute

// Check asks the server whether it suits quotas. Call it when a service starts. Its error
// names all that is wrong:
//
//   - a schema that is missing, or of another version than this package;
//   - a version of PostgreSQL below 14;
//   - fsync or synchronous_commit that is off, because a crash then loses charges that
//     were answered;
//   - full_page_writes that is off, because a crash may then damage the database;
//   - a default_transaction_isolation other than read committed;
//   - a server that takes no writes, such as a standby;
//   - rights on the tables that the role lacks;
//   - a clock of the server that is more than a minute away from that of this process.
//
// The error wraps store.ErrSettings if charges can be made nevertheless.
func (s *Store) Check(ctx context.Context) error {
	version, err := schemaVersion(ctx, s.pool)
	if err == nil {
		err = checkVersion(version)
	}
	if err != nil {
		return fmt.Errorf("store/postgres: check: %w", err)
	}
	var faults []error
	var lacking string
	if err := s.pool.QueryRow(ctx, rightsQuery, pgx.QueryExecModeExec).Scan(&lacking); err != nil {
		return fmt.Errorf("store/postgres: check: %w", err)
	}
	if lacking != "" {
		faults = append(faults, fmt.Errorf("rights: the role lacks %s", lacking))
	}
	var v settings
	began := time.Now()
	err = s.pool.QueryRow(ctx, settingsQuery, pgx.QueryExecModeExec).
		Scan(&v.version, &v.fsync, &v.commit, &v.pages, &v.isolation, &v.readOnly, &v.clock)
	if err != nil {
		return fmt.Errorf("store/postgres: check: %w", err)
	}
	unable := len(faults) > 0 || v.version < minVersion || v.isolation != isolation || v.readOnly == "on"
	faults = append(faults, v.faults(began, time.Now())...)
	if len(faults) == 0 {
		return nil
	}
	err = fmt.Errorf("store/postgres: check: %w", errors.Join(faults...))
	if unable {
		return err
	}
	return unsuitable{err}
}

// minVersion is the oldest version of PostgreSQL that has what the statements use.
const minVersion = 140000

// isolation is the level that the statements need.
const isolation = "read committed"

// unsuitable is an error about settings of a server that takes charges nevertheless.
type unsuitable struct{ error }

// Unwrap returns the error that errors.Is and errors.As look at, too.
func (u unsuitable) Unwrap() error { return u.error }

// Is reports whether target is store.ErrSettings.
func (unsuitable) Is(target error) bool { return target == store.ErrSettings }

// settings are what settingsQuery has read.
type settings struct {
	version                                   int
	fsync, commit, pages, isolation, readOnly string
	clock                                     int64
}

// faults returns what is wrong. The clock was read between two instants.
func (v *settings) faults(began, ended time.Time) (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if v.version < minVersion {
		fault("server_version: %d.%d: want 14 or newer", v.version/10000, v.version%10000)
	}
	if v.fsync == "off" {
		fault("fsync: off: want on: a crash loses charges that were answered, or the database")
	}
	if v.pages == "off" {
		fault("full_page_writes: off: want on: a crash may damage the database")
	}
	if v.commit == "off" {
		fault("synchronous_commit: off: want on: a crash loses charges that were answered")
	}
	if v.isolation != isolation {
		fault("default_transaction_isolation: %s: want read committed", v.isolation)
	}
	if v.readOnly == "on" {
		fault("transaction_read_only: on: want a server that takes writes")
	}
	clock := time.UnixMicro(v.clock)
	if clock.Before(began.Add(-maxSkew)) || clock.After(ended.Add(maxSkew)) {
		fault("clock: %v from the clock of this process: want at most %v: buckets refill by it, and Prune goes by the earlier one",
			clock.Sub(ended).Round(time.Second), maxSkew)
	}
	return faults
}
