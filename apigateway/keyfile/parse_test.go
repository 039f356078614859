package keyfile_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/keyfile"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
)

const tooLarge = "want at most 1048576 bytes and 131072 commas"

// parseTable holds files and what Parse yields for them. A row is written as
// "line name|secret|description|enabled|plans", and an error as its text.
var parseTable = map[string]struct {
	file string
	want []string
}{
	"only required columns":      {"name,key\nfirst,abcdef1234abcdef8901\n", []string{"2 first|abcdef1234abcdef8901||true|"}},
	"AWS guide, no quotes":       {"Name,key,description,Enabled,usageplanIds\nMyFirstApiKey,apikey1234abcdefghij0123456789,An imported key,TRUE,c7y23b\n", []string{"2 MyFirstApiKey|apikey1234abcdefghij0123456789|An imported key|true|c7y23b"}},
	"AWS guide, spaces":          {"key,name, description, enabled, usageplanIds\nabcdef1234abcdef8901234567, importedKey_1, firstone,  tRuE, n371pt \nabcdef1234abcdef0123456789, importedKey_2, secondone,  , 'n371pt, m282qs'\n", []string{"2 importedKey_1|abcdef1234abcdef8901234567|firstone|true|n371pt", "3 importedKey_2|abcdef1234abcdef0123456789|secondone|true|n371pt m282qs"}},
	"double quotes":              {"name,key,usageplanids,description\n\"a, b\",k,\"c7y23b, glvrsr\",d\n", []string{"2 a, b|k|d|true|c7y23b glvrsr"}},
	"one id in quotes":           {"name,key,usageplanids\na,k,'c7y23b'\n", []string{"2 a|k||true|c7y23b"}},
	"single quotes inside":       {"usageplanids,name,key\n'a,b,c',n,k\n", []string{"2 n|k||true|a b c"}},
	"unknown columns":            {"x,name,key,y\n1,n,k,2\n", []string{"2 n|k||true|"}},
	"byte order mark and CRLF":   {"\ufeffName,Key\r\nn,k\r\n\r\nm,l", []string{"2 n|k||true|", "4 m|l||true|"}},
	"byte order mark and quotes": {"\ufeff\"Name\",\"Key\"\r\n\"n\",\"k\"\r\n", []string{"2 n|k||true|"}},
	"unknown columns twice":      {"x,name,key,x,,\n1,n,k,2,,\n", []string{"2 n|k||true|"}},
	"disabled":                   {"name,key,enabled\nn,k,FALSE\n", []string{"2 n|k||false|"}},
	"only a header":              {"name,key\n", nil},
	"empty":                      {"", []string{"keyfile: invalid: header: Missing required column 'Name'\nheader: Missing required column 'Key'"}},
	"no key":                     {"name,value\nn,k\n", []string{"keyfile: invalid: header: Missing required column 'Key'"}},
	"no known column":            {"a,b\n", []string{"keyfile: invalid: header: Missing required column 'Name'\nheader: Missing required column 'Key'"}},
	"a column twice":             {"name,key,Name\n", []string{`keyfile: invalid: header: column 3 is there twice`}},
	"a quote in the header":      {"na\"me,key\n", []string{`keyfile: invalid: header: bare " in non-quoted-field`}},
	"rows between faults":        {"name,key,enabled\nn,k\nm,l,true\no,p,maybe\nq\"r,s,true\nt,,true\nu,v,false\n", []string{"line 2: 2 columns: want 3, as in the header", "3 m|l||true|", "line 4: enabled: want true or false", `line 5: bare " in non-quoted-field`, "line 6: key: empty: want a secret", "7 u|v||false|"}},
	"an unclosed quote":          {"name,key\nn,\"k\nm,l\n", []string{`line 2: extraneous or missing " in quoted-field`}},
	"an unclosed single quote":   {"name,key,usageplanids\nn,k,'a,b\n", []string{"line 2: 4 columns: want 3, as in the header"}},
	"a comma in quotes":          {"name,key,description\nn,k,\"" + strings.Repeat(",\n", 2000) + "\"\nm,l,\n", []string{"2 n|k|" + strings.TrimSpace(strings.Repeat(",\n", 2000)) + "|true|", "2003 m|l||true|"}},
	"a wide header":              {"name,key" + strings.Repeat(",", 2000) + "\nn,k" + strings.Repeat(",", 2000), []string{"2 n|k||true|"}},
	"the most commas":            {"name,key,description\nn,k,\"" + strings.Repeat(",", 1<<17-2) + "\"\nm,l,\n", []string{"2 n|k|" + strings.Repeat(",", 1<<17-2) + "|true|", "3 m|l||true|"}},
	"a comma too many":           {"name,key,description\nn,k,\"" + strings.Repeat(",", 1<<17-1) + "\"\nm,l,\n", []string{"line 2: " + tooLarge, "3 m|l||true|"}},
	"a header too wide":          {"name,key" + strings.Repeat(",", 1<<17) + "\nn,k\n", []string{"keyfile: invalid: header: " + tooLarge}},
	"a header too long":          {"name,key," + strings.Repeat("x", 1<<20) + "\nn,k\n", []string{"keyfile: invalid: header: " + tooLarge}},
	"a line too wide":            {"name,key\nn,k" + strings.Repeat(",", 1<<20) + "\nm,l\no\"p,\"q\nr,s" + strings.Repeat(",", 1<<18), []string{"line 2: " + tooLarge, "3 m|l||true|", `line 4: bare " in non-quoted-field`, "line 5: " + tooLarge}},
	"the most bytes":             {"name,key\n" + strings.Repeat("n", 1<<20-3) + ",k\nm,l\n", []string{"2 " + strings.Repeat("n", 1<<20-3) + "|k||true|", "3 m|l||true|"}},
	"a byte too long":            {"name,key\n" + strings.Repeat("n", 1<<20-2) + ",k\nm,l\n", []string{"line 2: " + tooLarge, "3 m|l||true|"}},
	"a line too long":            {"name,key\n\"" + strings.Repeat("n", 1<<20) + "\",k\nm,l\n", []string{"line 2: " + tooLarge, "3 m|l||true|"}},
	"a quote, then too long":     {"name,key\nn\"" + strings.Repeat("n", 1<<21) + "\",k\nm,l\n", []string{`line 2: bare " in non-quoted-field`, "3 m|l||true|"}},
	"lines too long":             {"name,key\n\"" + strings.Repeat("\n", 1<<20) + "m,l\n", []string{"line 2: " + tooLarge, "1048578 m|l||true|"}},
	"lines too long, in a line":  {"name,key\n\"" + strings.Repeat("\n", 1<<20-1) + "x\",k\nm,l\n", []string{"line 2: " + tooLarge, "1048578 m|l||true|"}},
	"too long, then the end":     {"name,key\n" + strings.Repeat("n", 1<<21), []string{"line 2: " + tooLarge}},
	"blank lines":                {strings.Repeat("\r\n", 1<<20) + "name,key\n" + strings.Repeat("\n", 1<<21) + "\"" + strings.Repeat("n", 1<<20) + "\nm,l\n", []string{"line 3145730: " + tooLarge, "3145731 m|l||true|"}},
	"too many columns":           {"name,key\nn,k,a,b\n", []string{"line 2: 4 columns: want 2, as in the header"}},
}

func TestParse(t *testing.T) {
	for name, c := range parseTable {
		t.Run(name, func(t *testing.T) {
			var got []string
			for row, err := range keyfile.Parse(strings.NewReader(c.file)) {
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

// TestParseMemory holds the memory for a large file to a multiple of its size. Without
// bounds, encoding/csv takes more than a hundred bytes for each comma.
func TestParseMemory(t *testing.T) {
	const size = 10 << 20
	wide := strings.Repeat(",", 1<<17-1) + "\n"
	quoted := strings.Repeat(",", 100) + "\"\n\""
	for name, file := range map[string]string{
		"a header of commas": "name,key" + strings.Repeat(",", size),
		"a row of commas":    "name,key\nn,k" + strings.Repeat(",", size),
		"a row of lines":     "name,key\nn,k" + strings.Repeat(quoted, size/len(quoted)),
		"a value":            "name,key\n\"" + strings.Repeat("x", size),
		"wide rows":          "name,key\n" + strings.Repeat(wide, size/len(wide)),
	} {
		t.Run(name, func(t *testing.T) {
			var start, end runtime.MemStats
			runtime.ReadMemStats(&start)
			faults := 0
			for _, err := range keyfile.Parse(strings.NewReader(file)) {
				require.Error(t, err)
				faults++
			}
			runtime.ReadMemStats(&end)
			require.NotZero(t, faults)
			took := end.TotalAlloc - start.TotalAlloc
			t.Logf("%d faults, %.1f times the file", faults, float64(took)/size)
			require.Less(t, took, uint64(5*size))
		})
	}
}

// TestParseReaderFails ends with the error of the reader.
func TestParseReaderFails(t *testing.T) {
	broken := errors.New("broken")
	rows, last := 0, error(nil)
	for _, err := range keyfile.Parse(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("name,key\n")))) {
		last = err
	}
	require.ErrorIs(t, last, iotest.ErrTimeout)
	for _, err := range keyfile.Parse(&afterwards{strings.NewReader("name,key\na,b\nc,d\n"), broken}) {
		if last = err; err == nil {
			rows++
		}
	}
	require.Equal(t, 2, rows)
	require.ErrorIs(t, last, broken)
	for range keyfile.Parse(strings.NewReader("name,key\na,b\nc,d\n")) {
		break
	}
}

// afterwards fails at the end of its text.
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

// FuzzParse checks that rows come in the order of their lines and that each has a secret.
func FuzzParse(f *testing.F) {
	for _, c := range parseTable {
		if len(c.file) < 1<<16 { // larger files make the fuzzer slow
			f.Add(c.file)
		}
	}
	f.Fuzz(func(t *testing.T, file string) {
		line := 1
		for row, err := range keyfile.Parse(strings.NewReader(file)) {
			fault, bad := errors.AsType[*keyfile.RowError](err)
			switch {
			case bad:
				require.GreaterOrEqual(t, fault.Line, line)
				line = fault.Line
			case err != nil:
				require.ErrorIs(t, err, keyfile.ErrInvalid)
			default:
				require.Greater(t, row.Line, line)
				require.NotEmpty(t, row.Secret)
				require.NotContains(t, row.PlanIDs, "")
				line = row.Line
			}
		}
	})
}

func ExampleParse() {
	file := "Name,Key,Enabled,UsagePlanIds\npets,a-value-of-twenty-chars,true,\"c7y23b,glvrsr\"\ncats,,true,\n"
	for row, err := range keyfile.Parse(strings.NewReader(file)) {
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

// TestRowErrorIsOneLine puts the line number before all faults of a row.
func TestRowErrorIsOneLine(t *testing.T) {
	keys := must(apikey.NewService(memory.New(memory.Config{}), apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}))
	row := keyfile.Row{Line: 3, Key: apikey.Key{Name: "\x00", Description: "\xff"}, Secret: "abcdefghijklmnopqrstuvwxyz"}
	err := &keyfile.RowError{Line: row.Line, Err: keys.CheckImport(row.Key, row.Secret)}
	require.ErrorIs(t, err, apikey.ErrInvalid)
	require.EqualError(t, err, `line 3: apikey: invalid: name: "\x00": want UTF-8 without control characters; description: "\xff": want UTF-8`)
}
