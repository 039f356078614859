package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestReadable reads the views as a person does.
func TestReadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{})
	at := time.Date(2026, 11, 24, 12, 30, 15, 500_000_000, time.UTC)
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	month := store.Meter{Name: "month", Max: 100, Start: start.Unix(), End: start.AddDate(0, 1, 0).Unix(), Keep: 36 * time.Hour}
	rate := store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 4_000_000}}
	for range 2 {
		c := store.NewCharge("key-1/gold", 3, month, rate)
		c.At = at
		require.NoError(t, s.Take(t.Context(), c))
		at = at.Add(time.Second)
	}
	require.NoError(t, s.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: "old"}, {Subject: "new"}}}))

	read := func(query string) (text string) {
		require.NoError(t, other(t, path).QueryRow(query).Scan(&text))
		return text
	}
	last, ok := month.LastTaken(lastOf(t, s, "key-1/gold", month))
	require.True(t, ok)
	require.Equal(t, "key-1/gold month 2026-11-01 00:00:00 2026-12-01 00:00:00 6 0 "+last.UTC().Format(time.DateTime)+" 2026-12-02 12:00:00",
		read("SELECT concat_ws(' ', subject, name, start, ends, used, extra, last_taken, kept_until) FROM ration_windows_readable"))
	run(t, other(t, path), "UPDATE ration_buckets SET tokens = 4, part = per / 4, updated = 1795523416500000, full_by = 1795525200")
	require.Equal(t, "key-1/gold rate 4.25 2026-11-24 12:30:16.500 2026-11-24 13:00:00",
		read("SELECT concat_ws(' ', subject, name, tokens, updated, full_by) FROM ration_buckets_readable"))
	require.Equal(t, "old new", read("SELECT concat_ws(' ', subject, moved_to) FROM ration_moves_readable"))
	require.Contains(t, read("SELECT sql FROM sqlite_schema WHERE name = 'ration_windows'"), "-- Unix seconds; the window ends before this second")
}

func lastOf(t *testing.T, s *sqlite.Store, subject string, m store.Meter) int64 {
	t.Helper()
	c := store.NewCharge(subject, 0, m)
	c.Parts[0].Last = make([]int64, 1)
	require.NoError(t, s.Take(t.Context(), c))
	return c.Parts[0].Last[0]
}

// TestAnyBytes charges subjects and meters whose names mean something in SQL or are no
// text, up to the greatest length.
func TestAnyBytes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(folder(t), "ration.db")
	s := open(t, path, sqlite.Config{})
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	names := []string{
		"'; DROP TABLE ration_windows; --", `"quoted"`, "`", "%", "_", "a_c", "abc", "ABC", "\x00", "\x00\x00", "\xff\xfe", "\xc3\x28", "?1", "$1", ":a", "@b",
		"0", "00", "0.0", "x'00'", " ", "  ", "\n", "é", "e\u0301", string(all)[:store.MaxName],
	}
	subjects := append([]string{string(all) + string(all), strings.Repeat("\x00", 512), strings.Repeat("\x00", 511)}, names...)
	want := int64(0)
	each := func(n func() int64) {
		for _, subject := range subjects {
			for _, name := range names {
				want++
				m := store.Meter{Name: name, Max: store.Unlimited, Start: 1, End: 86401}
				c := store.NewCharge(subject, n(), m)
				require.NoError(t, s.Take(t.Context(), c))
				require.Equal(t, want, c.Parts[0].Levels[0].Used, "%q %q", subject, name)
			}
		}
	}
	each(func() int64 { return want })
	require.NoError(t, s.Close())
	s, want = open(t, path, sqlite.Config{}), 0
	each(func() int64 { return 0 })
	var rows int
	require.NoError(t, other(t, path).QueryRow("SELECT count(*) FROM ration_windows_readable").Scan(&rows))
	require.Equal(t, len(subjects)*len(names), rows)
}

// TestPeekMany reads many windows of many subjects, in an order that is not theirs.
func TestPeekMany(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
	const subjects, days = 40, 50
	who, window := make([]string, subjects), make([]store.Meter, days)
	for d := range days {
		number := int64(d*17%days) + 1
		window[d] = store.Meter{Name: []string{"day", "use"}[d%2], Max: 1000, Start: number * 86400, End: (number + 1) * 86400}
	}
	for i := range subjects {
		who[i] = fmt.Sprint("subject ", i)
		for d := range window {
			require.NoError(t, take(t, s, who[i], int64(i+d)%7, window[d]))
		}
	}
	levels, last := make([]store.Level, subjects*days), make([]int64, subjects*days)
	require.NoError(t, store.Peek(t.Context(), s, time.Unix(1, 0), who, window, levels, last))
	for i := range subjects {
		for d := range days {
			n := int64(i+d) % 7
			require.Equal(t, n, levels[i*days+d].Used)
			require.Equal(t, n > 0, last[i*days+d] > 0)
		}
	}
}
