package apikey

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// Row is a line of an API key file: a key to be imported, its secret, and the ids of the plans that it shall be linked to.
type Row struct {
	Line    int // of the file, from 1; the header is one
	Key     Key // Name, Description and Enabled
	Secret  Secret
	PlanIDs []string
}

// Validate says whether Service.Import takes the row's key and secret, as far as that can be told without a store. The Format
// is the Service's. It returns nil, or an error that wraps ErrInvalid, and beside it ErrMalformed for the secret.
func (r *Row) Validate(f Format) error {
	k := r.Key
	k.ID = cmp.Or(k.ID, defaultPrefix) // Import makes one
	return invalid(append(k.faults(), f.checkImport(r.Secret))...)
}

// RowError is what is wrong with one line. It holds no part of a secret.
type RowError struct {
	Line int
	Err  error
}

// Error returns the line and what is wrong with it, as one line of text.
func (e *RowError) Error() string {
	return fmt.Sprintf("line %d: %s", e.Line, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}

// Unwrap is what is wrong.
func (e *RowError) Unwrap() error { return e.Err }

// The columns of an API key file.
const (
	nameColumn        = "name"
	keyColumn         = "key"
	descriptionColumn = "description"
	enabledColumn     = "enabled"
	plansColumn       = "usageplanids"
)

var known = map[string]bool{nameColumn: true, keyColumn: true, descriptionColumn: true, enabledColumn: true, plansColumn: true}

// required is the columns that a file must have, as Amazon API Gateway writes them.
var required = []string{"Name", "Key"}

// MissingColumnError is a required column that the header of an API key file has not. Its
// text is the one of Amazon API Gateway, which scripts look for.
type MissingColumnError struct{ Column string }

// Error returns the text.
func (e *MissingColumnError) Error() string { return "Missing required column '" + e.Column + "'" }

const byteOrderMark = "\ufeff" // with which some spreadsheets begin

// ParseCSV reads an API key file as Amazon API Gateway has it. Its first line names the columns, in any order and in upper or
// lower case: Name and Key are required, Description, Enabled (true or false; true if there is none) and UsagePlanIds may be
// there, and others are passed over. Several plan ids stand in double or single quotes, with commas between. Blanks around a
// value do not count, but there are none behind a double quote.
//
// A line with a fault is yielded as a *RowError, and the loop may go on to the next; any other error is the last: r failed, or
// the header breaks its rule (ErrInvalid, beside it a *MissingColumnError for each column). Whether secrets and names are good is not checked here, but by Row.Validate and
// Service.Import. One line at a time is in memory, and has at most 1 MiB and 1,000 columns.
//
// Source: "API Gateway API key file format" of the Amazon API Gateway Developer Guide.
func ParseCSV(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		text := bufio.NewReader(r)
		switch mark, err := text.Peek(len(byteOrderMark)); {
		case err != nil && err != io.EOF:
			yield(Row{}, fmt.Errorf("apikey: read csv: %w", err))
			return
		case string(mark) == byteOrderMark:
			_, _ = text.Discard(len(byteOrderMark))
		}
		f := csvFile{Reader: csv.NewReader(&bounded{text: text})}
		f.FieldsPerRecord, f.TrimLeadingSpace, f.ReuseRecord = -1, true, true
		if err := f.header(); err != nil {
			yield(Row{}, err)
			return
		}
		for {
			row, err := f.row()
			if err == io.EOF {
				return
			}
			_, goOn := errors.AsType[*RowError](err)
			if !yield(row, err) || err != nil && !goOn {
				return
			}
		}
	}
}

// csvFile is a file whose header is read.
type csvFile struct {
	*csv.Reader
	columns map[string]int // where each is
	width   int
}

func (f *csvFile) header() error {
	names, err := f.Read()
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		return invalid(fmt.Errorf("header: %w", syntax.Err))
	}
	if long, ok := errors.AsType[*RowError](err); ok {
		return invalid(fmt.Errorf("header: %w", long.Err))
	}
	if err != nil && err != io.EOF { // an empty file has no columns
		return fmt.Errorf("apikey: read csv: %w", err)
	}
	f.columns, f.width = map[string]int{}, len(names)
	var faults []error
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := f.columns[name]; twice && known[name] {
			faults = append(faults, fmt.Errorf("header: column %d is there twice", i+1))
		}
		f.columns[name] = i
	}
	for _, name := range required {
		if _, ok := f.columns[strings.ToLower(name)]; !ok {
			faults = append(faults, fmt.Errorf("header: %w", &MissingColumnError{name}))
		}
	}
	return invalid(faults...)
}

func (f *csvFile) row() (Row, error) {
	fields, err := f.Read()
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		return Row{Line: syntax.StartLine}, &RowError{syntax.StartLine, syntax.Err}
	}
	if long, ok := errors.AsType[*RowError](err); ok {
		return Row{Line: long.Line}, long
	}
	if err == io.EOF {
		return Row{}, err
	}
	if err != nil {
		return Row{}, fmt.Errorf("apikey: read csv: %w", err)
	}
	line, _ := f.FieldPos(0)
	row := Row{Line: line, Key: Key{Enabled: true}}
	fields = f.unquote(fields)
	if len(fields) != f.width {
		return row, &RowError{line, fmt.Errorf("%d columns: want %d, as in the header", len(fields), f.width)}
	}
	row.Key.Name, row.Key.Description = f.value(fields, nameColumn), f.value(fields, descriptionColumn)
	row.Secret = Secret(f.value(fields, keyColumn))
	for id := range strings.SplitSeq(f.value(fields, plansColumn), ",") {
		if id = strings.TrimSpace(id); id != "" {
			row.PlanIDs = append(row.PlanIDs, id)
		}
	}
	if text := f.value(fields, enabledColumn); text != "" {
		if row.Key.Enabled = strings.EqualFold(text, "true"); !row.Key.Enabled && !strings.EqualFold(text, "false") {
			return row, &RowError{line, errors.New("enabled: want true or false")} // the value is not told: columns may be mixed up
		}
	}
	if row.Secret == "" {
		return row, &RowError{line, errors.New("key: empty: want a secret")}
	}
	return row, nil
}

// unquote makes one field again of a list of plans in single quotes, which encoding/csv takes apart. No other column can hold
// a comma outside double quotes.
func (f *csvFile) unquote(fields []string) []string {
	at, ok := f.columns[plansColumn]
	last := at + len(fields) - f.width
	if !ok || last < at || at >= len(fields) {
		return fields
	}
	list := strings.TrimSpace(strings.Join(fields[at:last+1], ","))
	inner, begins := strings.CutPrefix(list, "'")
	inner, ends := strings.CutSuffix(inner, "'")
	if !begins || !ends {
		return fields
	}
	return append(append(fields[:at:at], inner), fields[last+1:]...)
}

// value is a field without the blanks around it; "" if the file has no such column.
func (f *csvFile) value(fields []string, column string) string {
	at, ok := f.columns[column]
	if !ok {
		return ""
	}
	return strings.Clone(strings.TrimSpace(fields[at]))
}
