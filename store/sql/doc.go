// Package sql is the root of a module of its own, so that services without a database
// pay for no drivers. It has no code. Package sqlite keeps keys, plans, groups, links and
// counters in a SQLite file. Package postgres keeps them in PostgreSQL.
package sql

import (
	_ "github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/ration-go/ration/store"
)
