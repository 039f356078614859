package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ration-go/ration/store"
)

// A statement calls a function of the schema. It is sent with its arguments in one round
// trip, as an unnamed statement. So it leaves nothing in the session, and works through a
// PgBouncer in transaction mode.
type statement struct {
	text  string
	types []uint32 // of the parameters
}

// inBinary says that all parameters, or all columns, are in binary form.
var inBinary = []int16{1}

// call runs a statement that returns one row, as a transaction of its own. The error
// wraps store.ErrNotTaken if the transaction was certainly not committed.
func (s *Store) call(ctx context.Context, st *statement, args ...[]byte) (row [][]byte, err error) {
	if err := s.checkReady(ctx); err != nil {
		return nil, notTaken(err)
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, notTaken(err)
	}
	defer conn.Release()
	reader := conn.Conn().PgConn().ExecParams(ctx, st.text, args, st.types, inBinary, inBinary)
	result := reader.Read()
	if result.Err != nil {
		tag, _ := reader.Close() // has the tag that came before the error, if any
		if isRolledBack(result.Err, tag) {
			return nil, notTaken(result.Err)
		}
		return nil, result.Err
	}
	if len(result.Rows) != 1 {
		return nil, fmt.Errorf("%d rows: want 1", len(result.Rows))
	}
	return result.Rows[0], nil
}

// notTaken wraps an error that certainly came before the commit.
func notTaken(err error) error {
	return fmt.Errorf("%w: %w", store.ErrNotTaken, explain(markDenied(err)))
}

// markDenied wraps store.ErrDenied beside err if the server has denied the credential or
// a right.
func markDenied(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && (e.Code == noPrivilege || strings.HasPrefix(e.Code, invalidAuthorization)) {
		return fmt.Errorf("%w: %w", store.ErrDenied, err)
	}
	return err
}

// isRolledBack reports whether err proves that a transaction was not committed. The
// server commits after it has sent the tag of the statement.
//
// A session that is ended (57P01) has not begun to commit if it has sent no tag. Of other
// errors that end a session this is not certain. PgBouncer sends such an error when it
// has lost the server.
func isRolledBack(err error, tag pgconn.CommandTag) bool {
	if pgconn.SafeToRetry(err) {
		return true
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		return false
	case e.SeverityUnlocalized == "ERROR":
		return true
	}
	return e.Code == adminShutdown && tag.String() == ""
}

// Codes of errors.
const (
	adminShutdown     = "57P01"
	undefinedFunction = "42883"
	noPrivilege       = "42501"
	readOnly          = "25006"

	invalidAuthorization = "28" // a class of codes: a wrong password, an unknown role
)

// explain adds to an error of the server what the operator can do.
func explain(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	switch {
	case e.Code == undefinedFunction && strings.Contains(e.Message, "ration_"):
		return fmt.Errorf("%w: the schema lacks a function of its version, or is not in the search_path", err)
	case e.Code == noPrivilege:
		return fmt.Errorf("%w: the role needs SELECT, INSERT, UPDATE and DELETE on the tables", err)
	case e.Code == readOnly:
		return fmt.Errorf("%w: the server is a standby, or read-only: want the primary", err)
	case e.Hint != "":
		return fmt.Errorf("%w: %s", err, e.Hint)
	}
	return err
}

// isFault reports whether err may be due to one charge of a batch, such as a row that was
// changed by hand. Then the others are decided without it.
func isFault(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !errors.Is(err, store.ErrNotTaken) || len(e.Code) < 2 {
		return false
	}
	switch e.Code[:2] {
	case "22", "23", "54", "P0", "XX": // data, constraints, limits, raised, corrupted
		return true
	}
	return false
}

// lingering returns a context that is done a while after ctx. The pool closes a
// connection whose statement is given up. Without this, callers with short deadlines
// would have it open new ones while the server is slow.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(linger, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() {
		stop()
		cancel(nil)
	}
}

// linger is how long a transaction goes on after its callers have given up.
const linger = time.Second
