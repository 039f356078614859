package keyfile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/ration-go/ration/apikey"
)

// byteOrderMark begins the files of some spreadsheets.
const byteOrderMark = "\ufeff"

// Parse reads an API key file of Amazon API Gateway. The first line names the columns, in
// any order, in upper or lower case:
//
//   - Name and Key are required.
//   - Description may be absent.
//   - Enabled is true or false. The default is true.
//   - UsagePlanIds holds the IDs of plans, with commas between them. Several IDs stand in
//     double or single quotes.
//
// Other columns are ignored. Spaces around a value are ignored too, except after a
// closing double quote, where they are a fault.
//
// Parse yields a row with a fault as a *RowError, and the loop may go on to the next row.
// Any other error is the last. It is an error of r, or it wraps ErrInvalid because the
// header breaks its rules. The latter wraps a *MissingColumnError for each missing
// column. Parse does not check names and secrets. Import does.
//
// Parse keeps one row in memory. A row has at most 1 MiB, line breaks within quotes
// included, and at most 131,072 commas. A larger row is a fault, and Parse goes on at the
// next line.
//
// Source: "API Gateway API key file format" of the Amazon API Gateway Developer Guide.
func Parse(r io.Reader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		p, err := newParser(r)
		if err != nil {
			yield(Row{}, err)
			return
		}
		for {
			row, err := p.row()
			if err == io.EOF {
				return
			}
			_, rowFault := errors.AsType[*RowError](err)
			if !yield(row, err) || err != nil && !rowFault {
				return
			}
		}
	}
}

// parser parses the rows of a file whose header has been read.
type parser struct {
	records *recordReader
	csv     *csv.Reader
	columns map[string]int // the index of each known column
	width   int
}

// newParser reads the header of a file.
func newParser(r io.Reader) (*parser, error) {
	text := bufio.NewReader(r)
	mark, err := text.Peek(len(byteOrderMark))
	if err != nil && err != io.EOF {
		return nil, failed(err)
	}
	if string(mark) == byteOrderMark {
		_, _ = text.Discard(len(byteOrderMark))
	}

	p := &parser{records: &recordReader{text: text, line: 1}}
	p.csv = csv.NewReader(p.records)
	p.csv.FieldsPerRecord = -1
	p.csv.TrimLeadingSpace = true
	p.csv.ReuseRecord = true
	return p, p.header()
}

// failed returns the error for a reader that failed.
func failed(err error) error { return fmt.Errorf("keyfile: read: %w", err) }

// read returns the fields of the next record and its line. The fields are valid until the
// next call. A fault of the record is a *RowError.
func (p *parser) read() (fields []string, line int, err error) {
	p.records.begin()
	fields, err = p.csv.Read()
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, syntax.StartLine, &RowError{syntax.StartLine, syntax.Err}
	}
	if tooLarge, ok := errors.AsType[*RowError](err); ok {
		return nil, tooLarge.Line, tooLarge
	}
	if err == io.EOF {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, failed(err)
	}
	line, _ = p.csv.FieldPos(0)
	return fields, line, nil
}

func (p *parser) header() error {
	names, _, err := p.read()
	if row, ok := errors.AsType[*RowError](err); ok {
		return invalid(fmt.Errorf("header: %w", row.Err))
	}
	if err != nil && err != io.EOF { // an empty file has no columns
		return err
	}

	p.columns = map[string]int{}
	p.width = len(names)
	var faults []error
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if !known[name] {
			continue
		}
		if _, twice := p.columns[name]; twice {
			faults = append(faults, fmt.Errorf("header: column %d is there twice", i+1))
		}
		p.columns[name] = i
	}
	for _, name := range required {
		if _, ok := p.columns[strings.ToLower(name)]; !ok {
			faults = append(faults, fmt.Errorf("header: %w", &MissingColumnError{name}))
		}
	}
	return invalid(faults...)
}

// row returns the next row. It returns io.EOF after the last.
func (p *parser) row() (Row, error) {
	fields, line, err := p.read()
	row := Row{Line: line, Key: apikey.Key{Enabled: true}}
	if err != nil {
		return row, err
	}
	fields = p.joinPlans(fields)
	if len(fields) != p.width {
		return row, &RowError{line, fmt.Errorf("%d columns: want %d, as in the header", len(fields), p.width)}
	}

	row.Key.Name = p.value(fields, nameColumn)
	row.Key.Description = p.value(fields, descriptionColumn)
	row.Secret = apikey.Secret(p.value(fields, keyColumn))
	for id := range strings.SplitSeq(p.value(fields, plansColumn), ",") {
		if id = strings.TrimSpace(id); id != "" {
			row.PlanIDs = append(row.PlanIDs, id)
		}
	}

	switch strings.ToLower(p.value(fields, enabledColumn)) {
	case "", "true":
	case "false":
		row.Key.Enabled = false
	default: // the error does not show the value, which may be a secret in the wrong column
		return row, &RowError{line, errors.New("enabled: want true or false")}
	}
	if row.Secret == "" {
		return row, &RowError{line, errors.New("key: empty: want a secret")}
	}
	return row, nil
}

// joinPlans restores a list of plans in single quotes, which encoding/csv splits at its
// commas. No other column can hold a comma outside double quotes.
func (p *parser) joinPlans(fields []string) []string {
	first, ok := p.columns[plansColumn]
	last := first + len(fields) - p.width
	if !ok || last < first || first >= len(fields) {
		return fields
	}
	list := strings.TrimSpace(strings.Join(fields[first:last+1], ","))
	list, begins := strings.CutPrefix(list, "'")
	list, ends := strings.CutSuffix(list, "'")
	if !begins || !ends {
		return fields
	}
	return append(append(fields[:first:first], list), fields[last+1:]...)
}

// value returns a field without the spaces around it. It returns "" if the file has no
// such column. The copy lets the rest of the record be freed.
func (p *parser) value(fields []string, column string) string {
	i, ok := p.columns[column]
	if !ok {
		return ""
	}
	return strings.Clone(strings.TrimSpace(fields[i]))
}
