package directory

import (
	"fmt"
	"strings"
)

// A table keeps the records of one kind. Beside the columns of the fields it has seq, the
// number of the insertion, by which listings are ordered.
type table[T any] struct {
	name   string
	ids    int                // the first ids fields identify a record
	fields func(*T) []field   // the last one is the version
	faults faults             // the errors of the contract
	label  func(of *T) string // names a record in errors, such as key "a"
	sql    statements         // made by prepare
}

// faults are the errors that a contract has for the outcomes of a call.
type faults struct{ exists, notFound, conflict, invalid error }

// statements are those of a table. The parameters are the fields in their order.
type statements struct {
	columns string // a list of seq and the fields, with %s in place of the table's alias
	insert  string
	update  string // if the version is the one of the record
	delete  string // the parameters are the ids and the version; 0 is any
	one     string // the parameters are the ids, as in exists
	exists  string
}

// prepare writes the statements of t.
func (t *table[T]) prepare(d *Dialect) {
	fields := t.fields(new(T))
	columns, parameters, changes, where := make([]string, len(fields)), make([]string, len(fields)), []string{}, []string{}
	for i, f := range fields {
		columns[i], parameters[i] = f.column, d.parameter(i+1, f.kind)
		if i < t.ids {
			where = append(where, f.column+" = "+parameters[i])
		} else if i < len(fields)-1 {
			changes = append(changes, f.column+" = "+parameters[i])
		}
	}
	found, version := strings.Join(where, " AND "), d.parameter(t.ids+1, Int)
	t.sql = statements{
		columns: "%[1]s.seq, %[1]s." + strings.Join(columns, ", %[1]s."),
		insert:  fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.name, strings.Join(columns, ", "), strings.Join(parameters, ", ")),
		update: fmt.Sprintf("UPDATE %s SET %s, version = version + 1 WHERE %s AND version = %s",
			t.name, strings.Join(changes, ", "), found, parameters[len(fields)-1]),
		delete: fmt.Sprintf("DELETE FROM %s WHERE %s AND (%s = 0 OR version = %[3]s)", t.name, found, version),
		exists: fmt.Sprintf("SELECT version FROM %s WHERE %s", t.name, found),
	}
	t.sql.one = fmt.Sprintf("SELECT %s FROM %s WHERE %s", t.list(t.name), t.name, found)
}

// list returns the columns of t under an alias.
func (t *table[T]) list(alias string) string { return fmt.Sprintf(t.sql.columns, alias) }

// parameter returns the i-th parameter.
func (d *Dialect) parameter(i int, kind Kind) string {
	if name := d.Types[kind]; name != "" {
		return fmt.Sprintf("$%d::%s", i, name)
	}
	return fmt.Sprintf("$%d", i)
}

// values returns the arguments for some fields of a record.
func values(d *Dialect, fields []field) ([]any, error) {
	args := make([]any, len(fields))
	for i := range fields {
		var err error
		if args[i], err = fields[i].value(d); err != nil {
			return nil, fmt.Errorf("%s: %w", fields[i].column, err)
		}
	}
	return args, nil
}
