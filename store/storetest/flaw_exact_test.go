package storetest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
)

var update = flag.Bool("update", false, "have the exact tests of flaws rewrite the file of broad flaws")

// TestFlawsExactly runs every case on every flawed counter. Exactly the cases that the
// flaw lists must catch it, so that no flaw is caught by accident.
//
// There are two exceptions. A broad flaw breaks many promises; the file of broad flaws
// lists the cases that may catch it besides those meant for it. And a case of chance may
// catch any flaw.
func TestFlawsExactly(t *testing.T) {
	longtest.Only(t)
	broad := readBroad(t)
	for _, f := range flaws() {
		t.Run(f.name, func(t *testing.T) {
			h := f.harness()
			var by []string
			for _, p := range promises() {
				var err error
				if !ofChance(p.name) {
					h.bubble(t, func(t *testing.T) { err = h.try(t, p) })
				}
				if err != nil && !errors.As(err, new(skipped)) {
					by = append(by, p.name)
				}
			}
			broad.compare(t, "counter: "+f.name, by, f.caught)
		})
	}
	broad.write(t)
}

// TestDirectoryFlawsExactly does the same with flawed directories.
func TestDirectoryFlawsExactly(t *testing.T) {
	longtest.Only(t)
	broad := readBroad(t)
	t.Run("keys", func(t *testing.T) { triedExactly(t, broad, keyCases(), keyFlaws()) })
	t.Run("plans", func(t *testing.T) { triedExactly(t, broad, planCases(), planFlaws()) })
	broad.write(t)
}

func triedExactly[S any](t *testing.T, broad broadFlaws, cases []directoryCase[S], flaws []directoryFlaw[S]) {
	kind := t.Name()[strings.LastIndex(t.Name(), "/")+1:]
	for _, f := range flaws {
		t.Run(f.name, func(t *testing.T) {
			var by []string
			for i := range cases {
				if !ofChance(cases[i].name) && f.try(t, &cases[i]) != nil {
					by = append(by, cases[i].name)
				}
			}
			broad.compare(t, kind+": "+f.name, by, f.cases())
		})
	}
}

// chances are the cases of chance, or with a slash at the end how their names begin. What
// they find in a flawed store depends on a random history or on the scheduler.
var chances = []string{
	"random/", "race/", "queue/", "subject/place", "one/as-take", "list/as-take", "list/place", // of counters
	"together", "version", "delete/version", "groups/delete-version", "access", "access/instant", "access/groups-instant",
	"groups/together", "groups/version", "at-once/", // of directories
}

func ofChance(name string) bool {
	return slices.ContainsFunc(chances, func(chance string) bool {
		return name == chance || strings.HasSuffix(chance, "/") && strings.HasPrefix(name, chance)
	})
}

// broadFlaws maps a flaw to the cases that may catch it besides those that are meant for
// it.
type broadFlaws map[string][]string

const broadFile = "testdata/broad_flaws.txt"

func readBroad(t *testing.T) broadFlaws {
	text, err := os.ReadFile(broadFile)
	require.NoError(t, err)
	broad := broadFlaws{}
	for line := range strings.Lines(string(text)) {
		flaw, cases, ok := strings.Cut(strings.TrimSpace(line), " | ")
		require.True(t, ok, line)
		broad[flaw] = strings.Split(cases, ", ")
	}
	return broad
}

// compare checks that the listed cases and no others caught a flaw. If the test updates
// the file, the file takes the others of a flaw that is broad already.
func (broad broadFlaws) compare(t *testing.T, flaw string, by, listed []string) {
	others := slices.DeleteFunc(slices.Clone(by), func(name string) bool { return slices.Contains(listed, name) })
	if broad[flaw] != nil && *update {
		broad[flaw] = others
	}
	for _, name := range others {
		if !slices.Contains(broad[flaw], name) {
			t.Errorf("%s is caught by %s, which it does not list", flaw, name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(by, name) && !ofChance(name) {
			t.Errorf("%s is not caught by %s", flaw, name)
		}
	}
}

func (broad broadFlaws) write(t *testing.T) {
	if !*update {
		return
	}
	var lines []string
	for flaw, cases := range broad {
		if len(cases) > 0 {
			lines = append(lines, fmt.Sprintf("%s | %s\n", flaw, strings.Join(cases, ", ")))
		}
	}
	slices.Sort(lines)
	require.NoError(t, os.WriteFile(broadFile, []byte(strings.Join(lines, "")), 0o644))
}

// table lists flaws, with the promise that each breaks and the cases that catch it.
type table struct{ strings.Builder }

func (rows *table) add(flaw, promise string, cases []string) {
	if rows.Len() == 0 {
		rows.WriteString("flaw | promise | cases\n")
	}
	fmt.Fprintf(rows, "%s | %s | %s\n", flaw, promise, strings.Join(cases, ", "))
}
