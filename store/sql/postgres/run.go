package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ration-go/ration/store/sql/internal/directory"
)

// How long a subscription waits: between two heartbeats, and for an answer. A server that
// has gone silent is noticed after both together.
const (
	heartbeat     = time.Second
	answerTimeout = 3 * time.Second
)

// errPooled says that a connection gets no notifications.
var errPooled = errors.New("listen: no notification arrives, as behind a PgBouncer in transaction mode: " +
	"want a direct connection in Config.Listen")

// A subscription hears of the changes that any process makes.
type subscription struct {
	pool   *pgxpool.Pool
	config *pgx.ConnConfig // if nil, that of the pool
	logger *slog.Logger    // if nil, nothing is logged
}

// Run tells the functions that were given to OnChange of the changes that any process
// makes, also by hand, until ctx is done. It uses a connection of its own, which is not
// one of the pool. It notices within 5s that the server has gone silent, and subscribes
// again for as long as it takes.
//
// While Run is not subscribed, a Gate learns of a change only when the entries of its
// cache expire. Run logs each reason once. When it has subscribed again, a Gate reads
// everything anew, because Run cannot know what has changed meanwhile.
//
// Run returns the error of ctx. If it was not subscribed, the error also wraps the
// reason. A process needs one Run. More than one do no harm. Without a Run the Store
// serves keys, plans and counters as usual, but reports no changes.
//
// Caution: a PgBouncer in transaction mode passes on no notifications. Run detects this
// and logs it: see Config.Listen.
func (s *Store) Run(ctx context.Context) error { return s.changes.run(ctx, s.records) }

// run tells s of changes until ctx is done.
func (sub *subscription) run(ctx context.Context, s *records) error {
	return directory.Watch(ctx, s, sub.logger, nil, func(ctx context.Context, heard func()) error {
		return markDenied(sub.listen(ctx, s, heard))
	})
}

// listen subscribes, and tells s of changes until the connection breaks.
func (sub *subscription) listen(ctx context.Context, s *records, heard func()) error {
	conn, err := sub.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := subscribe(ctx, conn); err != nil {
		return err
	}
	if err := sub.checkPooled(ctx, conn); err != nil {
		return err
	}
	heard()
	for {
		message, err := await(ctx, conn)
		switch {
		case err != nil:
			return err
		case message != nil:
			directory.Tell(s, message.Payload)
		}
	}
}

// connect opens a connection of its own, as the pool does.
func (sub *subscription) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*answerTimeout)
	defer cancel()
	if sub.config != nil {
		return pgx.ConnectConfig(ctx, own(sub.config))
	}
	of := sub.pool.Config()
	cfg := own(of.ConnConfig)
	if of.BeforeConnect != nil { // it may set the password
		if err := of.BeforeConnect(ctx, cfg); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err == nil && of.AfterConnect != nil { // it may set the search_path
		if err = of.AfterConnect(ctx, conn); err != nil {
			conn.Close(ctx)
		}
	}
	return conn, err
}

// own returns a copy of cfg whose connections keep notifications for await.
func own(cfg *pgx.ConnConfig) *pgx.ConnConfig {
	cfg = cfg.Copy()
	cfg.OnNotification = nil
	return cfg
}

// channelQuery is for the channel on which ration_notify tells of changes.
const channelQuery = `SELECT ('ration_' || n.nspname)::name::text
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = 'ration_keys'::regclass`

func subscribe(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var channel string
	if err := conn.QueryRow(ctx, channelQuery).Scan(&channel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return nil
}

// await returns the next notification, or nil if there is none for a while and the server
// answers.
func await(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	waiting, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	n, err := conn.WaitForNotification(waiting)
	if err == nil {
		return n, nil
	}
	if waiting.Err() == nil || ctx.Err() != nil || conn.IsClosed() {
		return nil, err
	}
	answering, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return nil, conn.Ping(answering)
}

// checkPooled returns an error if conn gets no notifications because it is not a
// connection to the server itself. A connection to a PgBouncer has another process ID
// than the server's.
func (sub *subscription) checkPooled(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 2*answerTimeout)
	defer cancel()
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil || pid == conn.PgConn().PID() {
		return err
	}
	other, err := sub.connect(ctx)
	if err != nil {
		return err
	}
	defer other.Close(context.WithoutCancel(ctx))
	// A channel that nobody else hears.
	channel := fmt.Sprintf("ration_probe_%d_%d", pid, time.Now().UnixNano())
	if _, err = conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	if _, err = other.Exec(ctx, "NOTIFY "+channel); err != nil {
		return err
	}
	n, err := await(ctx, conn)
	for err == nil && n != nil && n.Channel != channel {
		n, err = await(ctx, conn)
	}
	if err == nil && n == nil {
		return errPooled
	}
	if err == nil {
		_, err = conn.Exec(ctx, "UNLISTEN "+channel)
	}
	return err
}
