package directory

import (
	"fmt"
	"time"
)

// sqliteTime is the form of a time in SQLite. It is a time of SQLite's own functions in
// UTC, and it sorts as a text. SQLite has no type for times.
const sqliteTime = "2006-01-02 15:04:05.000000"

// SQLite is the Dialect of SQLite.
var SQLite = Dialect{
	Time: func(t time.Time) any { return t.UTC().Format(sqliteTime) },
	Begins: func(column, parameter string) string {
		return fmt.Sprintf("substr(CAST(%s AS BLOB), 1, length(%s)) = %[2]s", column, parameter)
	},
	Equals: func(column, parameter string) string { return column + " = " + parameter },
	Part: func(column, parameter string) string {
		return fmt.Sprintf("instr('/' || %s || '/', '/' || %s || '/') > 0", column, parameter)
	},
	Last: func(table string) string {
		return fmt.Sprintf("SELECT COALESCE(max(seq), 0) FROM sqlite_sequence WHERE name = '%s'", table)
	},
	AtOnce: true,
}

// Postgres is the Dialect of PostgreSQL.
var Postgres = Dialect{
	Types: map[Kind]string{Text: "text", Bytes: "bytea", Bool: "boolean", Int: "bigint", Time: "timestamptz", JSON: "jsonb", Verbatim: "json"},
	Time:  func(t time.Time) any { return t },
	Begins: func(column, parameter string) string {
		return fmt.Sprintf("substr(convert_to(%s, 'UTF8'), 1, length(%s)) = %[2]s", column, parameter)
	},
	// An entry of a B-tree has at most 2,700 bytes, and a customer's ID up to 4,096. So the
	// index has the beginning, and both conditions are needed.
	Equals: func(column, parameter string) string {
		return fmt.Sprintf("left(%s, 128) = left(%s, 128) AND %[1]s = %[2]s", column, parameter)
	},
	Part: func(column, parameter string) string {
		return fmt.Sprintf("position('/' || %s || '/' IN '/' || %s || '/') > 0", parameter, column)
	},
	Last: func(table string) string { return fmt.Sprintf("SELECT last_value FROM %s_seq", table) },
}
