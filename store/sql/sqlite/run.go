package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/ration-go/ration/store/sql/internal/directory"
)

// pollInterval is how often a Run asks whether the file has changed. The question is
// answered from memory, in some microseconds.
const pollInterval = 50 * time.Millisecond

// Run tells the functions that were given to OnChange of the changes that other processes
// make, until ctx is done or the Store is closed. It looks at the file every 50ms. The
// Store's own changes are told without a Run, before the change returns.
//
// A service whose file has no other processes, not even a tool of its administrators,
// needs no Run. Without one, a Gate learns of a change by another process only when the
// entries of its cache expire.
//
// While the file cannot be read, Run logs each reason once, and tries again. Run returns
// the error of ctx. If the file could not be read at the time, the error also wraps the
// reason.
func (s *Store) Run(ctx context.Context) error {
	d := s.directory
	defer d.own.run()()
	return directory.Watch(ctx, s.records, s.logger, errClosed, func(ctx context.Context, heard func()) error {
		return d.listen(ctx, s.records, heard)
	})
}

// A poll is what a Run knows of the file.
type poll struct {
	conn    *sql.Conn
	version int64 // of the file as this connection saw it; 0 to look at the changes anyway
	last    int64 // the number of the last change that was told
}

// listen tells s of the changes of other processes until the file cannot be read.
func (d *database) listen(ctx context.Context, s *records, heard func()) error {
	db := d.open()
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return explain(err)
	}
	defer conn.Close()
	p := poll{conn: conn}
	if err := conn.QueryRowContext(ctx, "SELECT COALESCE(max(seq), 0) FROM ration_changes").Scan(&p.last); err != nil {
		return explain(err)
	}
	heard()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		if err := d.look(ctx, s, &p); err != nil {
			return explain(err)
		}
		select {
		case <-ticker.C:
		case <-d.closed:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look tells s of the changes that were made since the last look.
func (d *database) look(ctx context.Context, s *records, p *poll) error {
	var version int64
	if err := p.conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil || version == p.version {
		return err
	}
	p.version = version
	changes, err := p.read(ctx)
	if err != nil {
		return err
	}
	for _, c := range changes {
		own, pending := d.own.is(c.number)
		if pending { // look again: if it fails, another change may get its number
			p.version = 0
			return nil
		}
		if c.number > p.last+1 { // some were removed before this Run has seen them
			directory.Tell(s, "")
		}
		if !own {
			directory.Tell(s, c.id)
		}
		p.last = c.number
	}
	d.own.forget(p.last)
	return nil
}

type change struct {
	number int64
	id     string
}

// read returns the changes after p.last.
func (p *poll) read(ctx context.Context) (changes []change, err error) {
	rows, err := p.conn.QueryContext(ctx, "SELECT seq, id FROM ration_changes WHERE seq > $1 ORDER BY seq", p.last)
	if err != nil {
		return nil, fmt.Errorf("changes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c change
		if err := rows.Scan(&c.number, &c.id); err != nil {
			return nil, fmt.Errorf("changes: %w", err)
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}
