package apikey_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// csvTable is files, and what is read of them: a row as "line name|secret|description|enabled|plans", a fault as its text.
var csvTable = map[string]struct {
	file string
	want []string
}{
	"the least":              {"name,key\nfirst,abcdef1234abcdef8901\n", []string{"2 first|abcdef1234abcdef8901||true|"}},
	"of the guide, unquoted": {"Name,key,description,Enabled,usageplanIds\nMyFirstApiKey,apikey1234abcdefghij0123456789,An imported key,TRUE,c7y23b\n", []string{"2 MyFirstApiKey|apikey1234abcdefghij0123456789|An imported key|true|c7y23b"}},
	"of the guide, blanks":   {"key,name, description, enabled, usageplanIds\nabcdef1234abcdef8901234567, importedKey_1, firstone,  tRuE, n371pt \nabcdef1234abcdef0123456789, importedKey_2, secondone,  , 'n371pt, m282qs'\n", []string{"2 importedKey_1|abcdef1234abcdef8901234567|firstone|true|n371pt", "3 importedKey_2|abcdef1234abcdef0123456789|secondone|true|n371pt m282qs"}},
	"double quotes":          {"name,key,usageplanids,description\n\"a, b\",k,\"c7y23b, glvrsr\",d\n", []string{"2 a, b|k|d|true|c7y23b glvrsr"}},
	"one id in quotes":       {"name,key,usageplanids\na,k,'c7y23b'\n", []string{"2 a|k||true|c7y23b"}},
	"single quotes inside":   {"usageplanids,name,key\n'a,b,c',n,k\n", []string{"2 n|k||true|a b c"}},
	"unknown columns":        {"x,name,key,y\n1,n,k,2\n", []string{"2 n|k||true|"}},
	"mark and CRLF":          {"\ufeffName,Key\r\nn,k\r\n\r\nm,l", []string{"2 n|k||true|", "4 m|l||true|"}},
	"mark and quotes":        {"\ufeff\"Name\",\"Key\"\r\n\"n\",\"k\"\r\n", []string{"2 n|k||true|"}},
	"unknown columns twice":  {"x,name,key,x,,\n1,n,k,2,,\n", []string{"2 n|k||true|"}},
	"disabled":               {"name,key,enabled\nn,k,FALSE\n", []string{"2 n|k||false|"}},
	"only a header":          {"name,key\n", nil},
	"empty":                  {"", []string{"apikey: invalid: header: Missing required column 'Name'\nheader: Missing required column 'Key'"}},
	"no key":                 {"name,value\nn,k\n", []string{"apikey: invalid: header: Missing required column 'Key'"}},
	"nothing known":          {"a,b\n", []string{"apikey: invalid: header: Missing required column 'Name'\nheader: Missing required column 'Key'"}},
	"a column twice":         {"name,key,Name\n", []string{`apikey: invalid: header: column 3 is there twice`}},
	"a quote in the header":  {"na\"me,key\n", []string{`apikey: invalid: header: bare " in non-quoted-field`}},
	"faults between":         {"name,key,enabled\nn,k\nm,l,true\no,p,maybe\nq\"r,s,true\nt,,true\nu,v,false\n", []string{"line 2: 2 columns: want 3, as in the header", "3 m|l||true|", "line 4: enabled: want true or false", `line 5: bare " in non-quoted-field`, "line 6: key: empty: want a secret", "7 u|v||false|"}},
	"a quote without end":    {"name,key\nn,\"k\nm,l\n", []string{`line 2: extraneous or missing " in quoted-field`}},
	"half a single quote":    {"name,key,usageplanids\nn,k,'a,b\n", []string{"line 2: 4 columns: want 3, as in the header"}},
	"a comma in quotes":      {"name,key,description\nn,k,\"" + strings.Repeat(",\n", 2000) + "\"\nm,l,\n", []string{"2 n|k|" + strings.TrimSpace(strings.Repeat(",\n", 2000)) + "|true|", "2003 m|l||true|"}},
	"as many as can be":      {"name,key" + strings.Repeat(",", 998) + "\n", nil},
	"a header too wide":      {"name,key" + strings.Repeat(",", 999) + "\nn,k\n", []string{"apikey: invalid: header: want at most 1000 columns"}},
	"a header too long":      {"name,key," + strings.Repeat("x", 1<<20) + "\nn,k\n", []string{"apikey: invalid: header: want at most 1048576 bytes"}},
	"a line too wide":        {"name,key\nn,k" + strings.Repeat(",", 1<<20) + "\nm,l\no\"p,\"q\nr,s" + strings.Repeat(",", 1000), []string{"line 2: want at most 1000 columns", "3 m|l||true|", `line 4: bare " in non-quoted-field`, "line 5: want at most 1000 columns"}},
	"a line too long":        {"name,key\n\"" + strings.Repeat("n", 1<<20) + "\",k\nm,l\n", []string{"line 2: want at most 1048576 bytes", "3 m|l||true|"}},
	"lines too long":         {"name,key\n\"" + strings.Repeat("\n", 1<<20) + "m,l\n", []string{"line 2: want at most 1048576 bytes", "1048578 m|l||true|"}},
	"lines too long, within": {"name,key\n\"" + strings.Repeat("\n", 1<<20-1) + "x\",k\nm,l\n", []string{"line 2: want at most 1048576 bytes", "1048578 m|l||true|"}},
	"too many columns":       {"name,key\nn,k,a,b\n", []string{"line 2: 4 columns: want 2, as in the header"}},
}

func TestParseCSV(t *testing.T) {
	for name, c := range csvTable {
		t.Run(name, func(t *testing.T) {
			var got []string
			for row, err := range apikey.ParseCSV(strings.NewReader(c.file)) {
				if err != nil {
					got = append(got, err.Error())
					continue
				}
				got = append(got, fmt.Sprintf("%d %s|%s|%s|%t|%s", row.Line, row.Key.Name, string(row.Secret), row.Key.Description, row.Key.Enabled, strings.Join(row.PlanIDs, " ")))
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestParseCSVTakes no more memory for a file of a fault than for a line within the bounds.
func TestParseCSVTakes(t *testing.T) {
	for _, file := range []string{
		"name,key" + strings.Repeat(",", 10<<20), "name,key\nn,k" + strings.Repeat(",", 10<<20), "name,key\n\"" + strings.Repeat("x", 10<<20),
	} {
		var start, end runtime.MemStats
		runtime.ReadMemStats(&start)
		faults := 0
		for _, err := range apikey.ParseCSV(strings.NewReader(file)) {
			require.Error(t, err)
			faults++
		}
		runtime.ReadMemStats(&end)
		require.Equal(t, 1, faults)
		require.Less(t, end.TotalAlloc-start.TotalAlloc, uint64(10<<20))
	}
}

// TestParseCSVFails ends with what the reader says.
func TestParseCSVFails(t *testing.T) {
	broken := errors.New("broken")
	rows, last := 0, error(nil)
	for _, err := range apikey.ParseCSV(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("name,key\n")))) {
		last = err
	}
	require.ErrorIs(t, last, iotest.ErrTimeout)
	for _, err := range apikey.ParseCSV(&afterwards{strings.NewReader("name,key\na,b\nc,d\n"), broken}) {
		if last = err; err == nil {
			rows++
		}
	}
	require.Equal(t, 2, rows)
	require.ErrorIs(t, last, broken)
	for range apikey.ParseCSV(strings.NewReader("name,key\na,b\nc,d\n")) {
		break
	}
}

// afterwards reads, and then fails.
type afterwards struct {
	*strings.Reader
	err error
}

func (a *afterwards) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err != nil {
		err = a.err
	}
	return n, err
}

// FuzzParseCSV: rows come in the order of their lines, each with a secret, and faults say nothing of secrets.
func FuzzParseCSV(f *testing.F) {
	for _, c := range csvTable {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		line := 1
		for row, err := range apikey.ParseCSV(strings.NewReader(file)) {
			fault, bad := errors.AsType[*apikey.RowError](err)
			switch {
			case bad:
				require.GreaterOrEqual(t, fault.Line, line)
				line = fault.Line
			case err != nil:
				require.ErrorIs(t, err, apikey.ErrInvalid)
			default:
				require.Greater(t, row.Line, line)
				require.NotEmpty(t, row.Secret)
				require.NotContains(t, row.PlanIDs, "")
				line = row.Line
			}
		}
	})
}

func ExampleParseCSV() {
	file := "Name,Key,Enabled,UsagePlanIds\npets,a-value-of-twenty-chars,true,\"c7y23b,glvrsr\"\ncats,,true,\n"
	for row, err := range apikey.ParseCSV(strings.NewReader(file)) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(row.Line, row.Key.Name, row.Key.Enabled, row.PlanIDs)
	}
	// Output:
	// 2 pets true [c7y23b glvrsr]
	// line 3: key: empty: want a secret
}

// TestRowErrorIsOneLine has the line's number before all faults of a row.
func TestRowErrorIsOneLine(t *testing.T) {
	row := apikey.Row{Line: 3, Key: apikey.Key{Name: "\x00", Description: "\xff"}, Secret: "abcdefghijklmnopqrstuvwxyz"}
	err := &apikey.RowError{Line: row.Line, Err: row.Validate(apikey.Format{AcceptForeign: true})}
	require.ErrorIs(t, err, apikey.ErrInvalid)
	require.EqualError(t, err, `line 3: apikey: invalid: name: "\x00": want UTF-8 without control characters; description: "\xff": want UTF-8`)
}
