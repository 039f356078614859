package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// A session is a connection with prepared statements. The zero session is closed.
type session struct {
	conn  *sql.Conn
	stmts []*sql.Stmt
}

// A text is a statement to prepare, and where to put it.
type text struct {
	to  **sql.Stmt
	sql string
}

func (s *session) prepare(texts ...text) error {
	for _, t := range texts {
		stmt, err := s.conn.PrepareContext(context.Background(), t.sql)
		if err != nil {
			return err
		}
		s.stmts = append(s.stmts, stmt)
		*t.to = stmt
	}
	return nil
}

// close closes the connection and keeps it out of the pool. A transaction that is open is
// undone. SQLite keeps the file open for as long as a statement is, and database/sql does
// not close the statements of a connection.
func (s *session) close() {
	for _, stmt := range s.stmts {
		_ = stmt.Close()
	}
	if s.conn != nil {
		_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	*s = session{}
}
