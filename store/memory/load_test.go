package memory_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
)

// loadText loads a text as Load loads a file.
func loadText(t testing.TB, text string, cfg memory.Config) (*memory.Store, error) {
	path := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return memory.Load(path, cfg)
}

// withSum returns the text with the checksum that its lines have.
func withSum(text string) string {
	body := text[:strings.LastIndex(text, `{"end"`)]
	return fmt.Sprintf("%s{\"end\":{\"records\":%d,\"sha256\":\"%x\"}}\n", body, strings.Count(body, "\n"), sha256.Sum256([]byte(body)))
}

// TestLoadRefuses changes and cuts off each byte of a file. Load refuses every such file.
func TestLoadRefuses(t *testing.T) {
	text := saved(t)
	_, err := loadText(t, text, memory.Config{})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "text")
	try := func(altered []byte) error {
		require.NoError(t, os.WriteFile(path, altered, 0o600))
		_, err := memory.Load(path, memory.Config{})
		return err
	}
	body := strings.LastIndex(text, `{"end"`)
	step := 1
	if testing.Short() {
		step = 37
	}
	for i := 0; i < body; i += step {
		altered := []byte(text)
		altered[i] ^= 1
		require.Error(t, try(altered), "byte %d", i)
		require.ErrorIs(t, try([]byte(text[:i])), memory.ErrDamaged, "the first %d", i)
	}
	lines := strings.SplitAfter(text, "\n")
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"nothing":            {"", "line 1: end record missing"},
		"not JSON":           {"hello\n", "line 1: store/memory: damaged file: invalid character"},
		"other JSON":         {"{\"a\":1}\n", "header record missing"},
		"a line missing":     {strings.Replace(text, lines[3], "", 1), "checksum mismatch"},
		"a line twice":       {strings.Replace(text, lines[1], lines[1]+lines[1], 1), "out of order"},
		"two lines moved":    {strings.Replace(text, lines[1]+lines[2], lines[2]+lines[1], 1), "out of order"},
		"a second head":      {lines[0] + text, "header record missing or misplaced"},
		"data in a line":     {strings.Replace(text, "\n", " {}\n", 1), "line 1: store/memory: damaged file: data after the record"},
		"data after the end": {text + " ", "data after the end record"},
		"newer version":      {strings.Replace(text, `"version":3`, `"version":4`, 1), "version 4: want 3: a newer release wrote the file"},
		"older version":      {strings.Replace(text, `"version":3`, `"version":2`, 1), "version 2: want 3: an older release wrote the file"},
		"version 0":          {strings.Replace(text, `"version":3`, `"version":0`, 1), "version 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadText(t, c.text, memory.Config{})
			require.ErrorContains(t, err, c.want)
		})
	}
	for name, of := range map[string]string{
		"plan": `{"plan":{"n":1,"record":{`, "link": `{"link":{"n":2,"record":{`, "group": `{"group":{"n":3,"record":{`, "key": `{"key":{"n":1,"record":{`,
		"meter": `{"meter":{`, "account": `{"account":{`, "numbered": `{"plan":{`, "record": "\n{",
	} {
		require.Contains(t, text, of)
		_, err := loadText(t, withSum(strings.Replace(text, of, of+`"frozen":true,`, 1)), memory.Config{})
		require.ErrorContains(t, err, `unknown field "frozen"`, name)
	}
	_, err = loadText(t, text, memory.Config{MaxSubjects: 1})
	require.ErrorIs(t, err, store.ErrFull)
	_, err = memory.Load(filepath.Join(t.TempDir(), "none"), memory.Config{})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestLoadRefusesRecords alters records of the directory, under a checksum that is right.
func TestLoadRefusesRecords(t *testing.T) {
	text := saved(t)
	for kind, numbers := range map[string][2]int{"plan": {1, 4}, "link": {2, 5}, "group": {3, 6}, "key": {1, 2}} {
		var records [2]string // of the two of the kind, from behind the number on
		numbered := func(i, n int) string { return fmt.Sprintf("{%q:{\"n\":%d%s\n", kind, n, records[i]) }
		for i, n := range numbers {
			_, rest, found := strings.Cut(text, fmt.Sprintf("{%q:{\"n\":%d,", kind, n))
			require.True(t, found, kind)
			rest, _, _ = strings.Cut(rest, "\n")
			records[i] = "," + rest
		}
		first, second := numbered(0, numbers[0]), numbered(1, numbers[1])
		require.Equal(t, 1, strings.Count(text, first))
		require.Equal(t, 1, strings.Count(text, second))

		for name, c := range map[string]struct{ first, second, want string }{
			"number 0":          {numbered(0, 0), second, "number 0 is out of order"},
			"number not given":  {first, numbered(1, 7), "number 7 is out of order"},
			"a number twice":    {first, numbered(1, numbers[0]), "is out of order"},
			"the same ID twice": {first, numbered(0, numbers[1]), "exists"},
			"no record":         {first, fmt.Sprintf("{%q:{\"n\":%d,\"record\":null}}\n", kind, numbers[1]), "null"},
			"a list":            {first, fmt.Sprintf("{%q:[]}\n", kind), "cannot unmarshal array"},
			"null":              {first, fmt.Sprintf("{%q:null}\n", kind), "unknown record"},
		} {
			if kind == "link" && name == "a number twice" {
				continue // the two are in lists of different plans
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				altered := strings.NewReplacer(first, c.first, second, c.second).Replace(text)
				_, err := loadText(t, withSum(altered), memory.Config{})
				require.ErrorIs(t, err, memory.ErrDamaged)
				require.ErrorContains(t, err, c.want)
			})
		}
	}
}

// TestLoadSize checks that a loaded store takes no more memory than the saved one.
func TestLoadSize(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 122,000 charges on one goroutine")
	}
	const subjects, days = 2000, 60
	s := memory.New(memory.Config{})
	first := time.Now().Add(-days * 24 * time.Hour)
	before := heap()
	for d := range days + 1 {
		at := first.Add(time.Duration(d) * 24 * time.Hour)
		m := []store.Meter{day("day", at, 10, 90*24*time.Hour)}
		for i := range subjects {
			require.NoError(t, s.Take(t.Context(), &store.Charge{At: at, Parts: []store.Part{store.NewPart(id(i), 1, m...)}}))
		}
	}
	saved := heap() - before
	again := reload(t, s)
	loaded := heap() - before - saved
	runtime.KeepAlive(s)
	runtime.KeepAlive(again)
	t.Logf("%d bytes, %d when loaded", saved, loaded)
	require.Less(t, float64(loaded), 1.3*float64(saved))
}

// TestLoadClockSetBack sets the clock back between Save and Load. Buckets refill from the
// moment of Load on.
func TestLoadClockSetBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "saved")
	throttle := []store.Meter{{Name: "throttle", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1_000_000}}}
	var began time.Time
	take := func(s *memory.Store) int64 {
		c := store.Charge{Parts: []store.Part{store.NewPart("a", 1, throttle...)}}
		require.NoError(t, s.Take(t.Context(), &c))
		return c.Parts[0].Levels[0].Used
	}
	synctest.Test(t, func(t *testing.T) { // each bubble's clock starts at the same instant
		began = time.Now()
		time.Sleep(time.Hour)
		s := memory.New(memory.Config{})
		for range 5 {
			take(s)
		}
		require.NoError(t, s.Save(path))
	})
	synctest.Test(t, func(t *testing.T) {
		require.Equal(t, began, time.Now())
		s, err := memory.Load(path, memory.Config{})
		require.NoError(t, err)
		require.EqualValues(t, 6, take(s))
		time.Sleep(3 * time.Second)
		require.EqualValues(t, 4, take(s))
	})
}

// TestSaveClockSet sets the wall clock of the process that saves. Buckets refill by the
// time that has really passed.
func TestSaveClockSet(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, set := range map[string]time.Duration{
		"not set":             0,
		"forward by an hour":  time.Hour,
		"back by an hour":     -time.Hour,
		"back by a year":      -year,
		"forward by 20 years": 20 * year,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.New(memory.Config{})
				memory.SetClock(s, set)
				meters := []store.Meter{
					{Name: "throttle", Max: 100, Rate: store.Rate{Tokens: 1, Per: 1_000_000}},
					{Name: "rare", Max: 100, Rate: store.Rate{Tokens: 2, Per: 1_000_000}, Rare: true},
				}
				used := func(n int64) []int64 {
					c := mustTake(t, s, "a", time.Now(), n, meters...)
					return []int64{c.Parts[0].Levels[0].Used, c.Parts[0].Levels[1].Used}
				}
				used(50)
				time.Sleep(10 * time.Second)
				require.Equal(t, []int64{50, 40}, used(10))
				time.Sleep(time.Second)
				var file bytes.Buffer
				require.NoError(t, memory.SaveTo(s, &file))
				time.Sleep(time.Second)
				var err error
				s, err = memory.LoadSummed(file.Bytes())
				require.NoError(t, err)
				require.Equal(t, []int64{48, 36}, used(0))
				time.Sleep(10 * time.Second)
				require.Equal(t, []int64{43, 21}, used(5))
			})
		})
	}
}

// TestSaveExact saves a bucket many times. The microseconds by which the two halves of a
// clock reading differ neither add nor take tokens.
func TestSaveExact(t *testing.T) {
	s, now := memory.New(memory.Config{}), time.Now().Truncate(time.Microsecond)
	slow := store.Meter{Name: "slow", Max: 10, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	want := mustTake(t, s, "a", now, 3, slow).Parts[0].Levels[0]
	for range 200 {
		s = reload(t, s)
	}
	require.Equal(t, want, mustTake(t, s, "a", now, 0, slow).Parts[0].Levels[0])
}

// FuzzLoad loads any file. It must not panic, and a file that it accepts can be saved and
// loaded again.
func FuzzLoad(f *testing.F) {
	text := saved(f)
	f.Add([]byte(text))
	for _, line := range strings.SplitAfter(text, "\n") {
		f.Add([]byte(strings.Replace(text, line, "", 1)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := memory.LoadSummed(text) // a wrong checksum would stop nearly every input
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		require.NoError(t, memory.SaveTo(s, &first))
		again, err := memory.LoadSummed(first.Bytes())
		require.NoError(t, err)
		require.NoError(t, memory.SaveTo(again, &second))
		require.Equal(t, len(first.Bytes()), len(second.Bytes()))
	})
}
