package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
	"github.com/ration-go/ration/store/sql/internal/directory"
	"github.com/ration-go/ration/usageplan"
)

// A Store keeps keys, plans, groups, links and counters in a SQLite file. It implements
// [store.Counter], [store.Peeker], [apikey.Store], [usageplan.Store],
// [usageplan.GroupStore], [usageplan.AccessReader] and [usageplan.Listener], and is safe
// for concurrent use. Call Open to make one, Migrate once, and Close at the end.
//
// A Store is not [store.Local]: a disk may not answer. So callers set a deadline. Take
// and Peek return when their ctx ends, even if the disk hangs.
type Store struct {
	charges  *batch.Charges
	readings *batch.Queue[*reading, struct{}]
	writer   *writer
	readers  *readers
	now      func() time.Time

	*records  // keys, plans, groups and links
	directory *database
	logger    *slog.Logger

	closing sync.Mutex
	closed  bool
}

// Open opens the database file at path. If there is none, it makes an empty one that only
// its owner may read. The path is taken as it is, so it may contain any characters but
// NUL. Several processes of one machine may open the same file.
//
// Open turns on SQLite's write-ahead log, and changes nothing else. Call Migrate before
// the first use. Open waits for up to Config.Busy while another process writes. It
// returns an error if the file is no database, is damaged at its beginning, cannot be
// written, or has a schema that is newer than this package.
//
// Caution: The file must be on a disk of this machine. SQLite's log needs shared memory,
// so a file on a network file system is lost if two machines open it. Do not give the
// file a second name by a hard link, and copy it only by SQLite's own means: see the
// package.
func Open(path string, cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	abs, err := checkPath(path)
	if errors.Is(err, ErrInvalid) {
		return nil, err
	}
	if err == nil {
		var s *Store
		if s, err = open(abs, cfg); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("store/sqlite: open %q: %w", path, cause(err))
}

func open(path string, cfg Config) (*Store, error) {
	s := &Store{writer: newWriter(path, cfg), readers: newReaders(path, cfg), now: time.Now}
	s.charges = batch.NewCharges(s.takeBatch, batch.Config{})
	s.readings = batch.NewQueue(s.readBatch, weighReading, batch.Config{Calls: cfg.Readers, Size: 32})
	s.directory, s.logger = newDatabase(path, cfg, s.writer), cfg.Logger
	s.records = directory.New(s.directory, &directory.SQLite, "store/sqlite")
	if err := s.check(context.Background(), 0); err != nil {
		s.writer.db.Close()
		s.readers.db.Close()
		s.directory.db.Close()
		return nil, err
	}
	return s, nil
}

// check connects, and finds out whether the file can be written and has a schema from the
// version oldest to that of this package. It changes nothing.
func (s *Store) check(ctx context.Context, oldest int) error {
	checked := errors.New("checked")
	err := s.writer.change(ctx, func(ctx context.Context, conn *sql.Conn) error {
		version, err := schemaVersion(ctx, conn)
		if want := len(Migrations()); err == nil && (version < oldest || version > want) {
			err = checkVersion(version, want)
		}
		if err == nil {
			// Of a file that cannot be written, SQLite begins a transaction nevertheless.
			_, err = conn.ExecContext(ctx, "PRAGMA user_version = 1")
		}
		return cmp.Or(err, checked) // so that it is undone
	})
	if errors.Is(err, checked) {
		return nil
	}
	return err
}

// Close waits for the calls in progress, and closes the file. Later calls fail with
// store.ErrNotTaken. To close a Store again does nothing.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.writer.close(), s.readers.close(), s.directory.close())
}

// Verify reads the whole file and returns an error that names what is damaged. It takes
// seconds for a file of a gigabyte. Reads and charges go on meanwhile.
func (s *Store) Verify(ctx context.Context) error {
	rows, err := s.readers.db.QueryContext(ctx, "PRAGMA quick_check(10)")
	if err != nil {
		return fmt.Errorf("store/sqlite: verify: %w", explain(err))
	}
	defer rows.Close()
	var faults []error
	for rows.Next() {
		var found string
		if err := rows.Scan(&found); err != nil {
			return fmt.Errorf("store/sqlite: verify: %w", explain(err))
		}
		if found != "ok" {
			faults = append(faults, errors.New(found))
		}
	}
	if err := errors.Join(append(faults, rows.Err())...); err != nil {
		return fmt.Errorf("store/sqlite: verify: %w", explain(err))
	}
	return nil
}

// clocks returns the instant of a charge by the two clocks of the contract, in Unix
// microseconds. Windows go by the caller's clock, and buckets by that of this process. It
// is the wall clock, since the processes of a machine share it, and it is there after a
// restart.
func (s *Store) clocks(at time.Time) (wall, now int64) {
	own := s.now()
	if at.IsZero() {
		at = own
	}
	return at.UnixMicro(), own.UnixMicro()
}

var (
	_ store.Counter = (*Store)(nil)
	_ store.Peeker  = (*Store)(nil)

	_ apikey.Store           = (*Store)(nil)
	_ usageplan.Store        = (*Store)(nil)
	_ usageplan.GroupStore   = (*Store)(nil)
	_ usageplan.AccessReader = (*Store)(nil)
	_ usageplan.Listener     = (*Store)(nil)
)
