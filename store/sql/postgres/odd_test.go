package postgres

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

func TestEscapeText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "",
		"@acme>key-1/basic":       "@acme>key-1/basic",
		`it's "quoted" %_ — 世界 �`: `it's "quoted" %_ — 世界 �`,
		"key>leased\x00":          `key>leased\00`,
		`back\slash`:              `back\5cslash`,
		`back\5cslash`:            `back\5c5cslash`,
		"\xff\xc3(\xe4\xb8":       `\ff\c3(\e4\b8`,
	} {
		require.Equal(t, want, escapeText(text))
		require.Equal(t, text, unescapeText(want))
	}
	for _, byHand := range []string{`\`, `\4`, `\zz`, `a\4G`, `\5C`} {
		require.Equal(t, byHand, unescapeText(byHand), "what is no escape stays")
	}
}

// TestLongestNames charges subjects and meters of the greatest lengths with bytes that
// must all be escaped. No text of the same length needs more room in an index.
func TestLongestNames(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	random := func(n int) string {
		b := make([]byte, n)
		_, _ = rand.Read(b)
		for i := range b {
			b[i] |= 0x80
			if b[i] < 0xc0 || b[i] >= 0xf5 { // so that no two bytes are UTF-8
				b[i] = 0xff - b[i]&1
			}
		}
		return string(b)
	}
	for range 20 {
		subject, other := random(store.MaxSubject), random(store.MaxSubject)
		m, rate := window(random(store.MaxName), 3), store.Meter{Name: random(store.MaxName), Max: 3}
		for want := range int64(3) {
			c := store.NewCharge(subject, 1, m, rate)
			require.NoError(t, s.Take(t.Context(), c))
			require.Equal(t, want+1, c.Parts[0].Levels[0].Used)
			require.Equal(t, want+1, c.Parts[0].Levels[1].Used)
		}
		move := &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: subject}, {Subject: other}}}
		require.NoError(t, s.Take(t.Context(), move))
		moved, ok := errors.AsType[*store.MovedError](s.Take(t.Context(), store.NewCharge(subject, 1, m)))
		require.True(t, ok)
		require.Equal(t, other, moved.To)
	}
}

// TestReadable shows people what the tables and views have.
func TestReadable(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	at := time.Date(2026, 11, 30, 12, 34, 56, 0, time.UTC)
	month := store.Meter{Name: "requests/month", Max: 100, Start: 1793491200, End: 1796083200, Keep: 90 * 24 * time.Hour}
	ever := store.Meter{Name: "ever", Max: 100, Start: -store.MaxUnits, End: store.MaxUnits, Keep: 1<<63 - 1}
	c := store.NewCharge("key-1/basic", 7, month, ever, store.Meter{Name: "rate", Max: 16, Rate: store.Rate{Tokens: 1, Per: 3_600_000_000}})
	c.At = at
	c.Parts[0].Last = make([]int64, 3)
	require.NoError(t, s.Take(t.Context(), c))
	require.True(t, c.OK)
	rows := value[string](t, open(t, dial(t, s.pool.Config().ConnString()+"&timezone=UTC")), `SELECT string_agg(concat_ws(' ', subject, name, start, ends, used, extra, last_taken, kept_until), E'\n' ORDER BY name DESC)
		FROM ration_windows_readable`)
	lastTaken, ok := month.LastTaken(c.Parts[0].Last[0])
	require.True(t, ok)
	first, second, _ := strings.Cut(rows, "\n")
	require.Equal(t, "key-1/basic requests/month 2026-11-01 00:00:00+00 2026-12-01 00:00:00+00 7 0 "+
		lastTaken.UTC().Format("2006-01-02 15:04:05")+"+00 2027-03-01 00:00:00+00", first)
	require.True(t, strings.HasPrefix(second, "key-1/basic ever -infinity infinity 7 0 ") && strings.HasSuffix(second, " infinity"), second)
	require.Equal(t, "key-1/basic rate 9 t", value[string](t, s,
		"SELECT concat_ws(' ', subject, name, tokens, full_by BETWEEN now() + '7 hours' AND now() + '9 hours') FROM ration_buckets_readable"))
}

// TestComments expects a comment on everything that people find in the database.
func TestComments(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	require.Empty(t, value[string](t, s, `SELECT coalesce(string_agg(what, ', '), '') FROM (
		SELECT c.relname || '.' || a.attname AS what FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relname LIKE 'ration_%' AND c.relkind = 'r' AND a.attnum > 0 AND a.attname <> 'version' AND col_description(c.oid, a.attnum) IS NULL
		UNION ALL SELECT relname FROM pg_class WHERE relname LIKE 'ration_%' AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL
		UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'ration_%' AND obj_description(oid, 'pg_proc') IS NULL) AS lacking`))
}

// TestChangedByHand has tables that somebody has changed.
func TestChangedByHand(t *testing.T) {
	t.Parallel()
	quota := window("quota", 10)
	take := func(s *Store, subject string) (used int64, err error) {
		c := store.NewCharge(subject, 1, quota, bucket(10, store.Rate{}))
		err = s.Take(t.Context(), c)
		return c.Parts[0].Levels[0].Used, err
	}
	t.Run("a count", func(t *testing.T) {
		s := migrated(t)
		_, err := take(s, "key")
		require.NoError(t, err)
		execute(t, s, "UPDATE ration_windows SET used = 7")
		used, err := take(s, "key")
		require.NoError(t, err)
		require.EqualValues(t, 8, used)
	})
	t.Run("a subject is deleted", func(t *testing.T) {
		s := migrated(t)
		_, err := take(s, "key")
		require.NoError(t, err)
		execute(t, s, "DELETE FROM ration_subjects")
		require.Zero(t, value[int](t, s, "SELECT count(*)::int FROM ration_windows"))
		used, err := take(s, "key")
		require.NoError(t, err)
		require.EqualValues(t, 1, used)
	})
	t.Run("values that cannot be", func(t *testing.T) {
		s := migrated(t)
		_, err := take(s, "key")
		require.NoError(t, err)
		for _, sql := range []string{
			"UPDATE ration_windows SET used = -1", "UPDATE ration_windows SET used = NULL", "UPDATE ration_windows SET last_span = 2048",
			"UPDATE ration_windows SET ends = start", "UPDATE ration_buckets SET part = per", "UPDATE ration_buckets SET tokens = 9007199254740992",
			"UPDATE ration_subjects SET moved_to = 'x'", "UPDATE ration_subjects SET subject = ''", "UPDATE ration_windows SET subject = 'stranger'",
		} {
			_, err := s.pool.Exec(t.Context(), sql)
			require.Error(t, err, sql)
		}
	})
	t.Run("a damaged row", func(t *testing.T) {
		s := migrated(t)
		for _, subject := range []string{"sound", "damaged"} {
			_, err := take(s, subject)
			require.NoError(t, err)
		}
		execute(t, s, "ALTER TABLE ration_windows DROP CONSTRAINT ration_windows_used_check; UPDATE ration_windows SET used = -9223372036854775808 WHERE subject = 'damaged'")
		charges := []*store.Charge{
			store.NewCharge("new", 1, quota), store.NewCharge("damaged", 1, quota), store.NewCharge("sound", 1, quota),
		}
		errs := make([]error, len(charges))
		s.takeBatch(t.Context(), charges, errs)
		require.NoError(t, errors.Join(errs[0], errs[2]))
		require.EqualValues(t, 1, charges[0].Parts[0].Levels[0].Used)
		require.EqualValues(t, 2, charges[2].Parts[0].Levels[0].Used)
		require.ErrorIs(t, errs[1], store.ErrNotTaken)
		require.ErrorContains(t, errs[1], "out of range")
	})
	t.Run("the function is gone", func(t *testing.T) {
		s := migrated(t)
		execute(t, s, "ALTER FUNCTION ration_take RENAME TO ration_taken")
		_, err := take(s, "key")
		require.ErrorIs(t, err, store.ErrNotTaken)
		require.ErrorContains(t, err, "the schema lacks a function of its version")
	})
	t.Run("a column is gone", func(t *testing.T) {
		s := migrated(t)
		execute(t, s, "ALTER TABLE ration_windows DROP COLUMN extra CASCADE")
		_, err := take(s, "key")
		require.ErrorIs(t, err, store.ErrNotTaken)
		require.ErrorContains(t, err, "extra does not exist")
	})
	t.Run("the function decides otherwise", func(t *testing.T) {
		s := migrated(t)
		text := value[string](t, s, "SELECT pg_get_functiondef('ration_take'::regproc)")
		generous := strings.Replace(text, "fits := fits OR setting", "fits := true OR setting", 1)
		require.NotEqual(t, text, generous)
		execute(t, s, generous)
		err := s.Take(t.Context(), store.NewCharge("key", 11, quota))
		require.ErrorContains(t, err, "ration_take decided 1 of a charge and store.Charge.Decide false")
		require.NotErrorIs(t, err, store.ErrNotTaken)
	})
}

// TestClockOfTheServer has a server whose clock is an hour off, either way. Limits hold,
// and waits are right.
func TestClockOfTheServer(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		s := migrated(t)
		clock := clock{store: s}
		now := time.Now().Truncate(time.Second)
		clock.set(t, now.Add(off))
		short := store.Meter{Name: "minute", Max: 2, Start: now.Unix(), End: now.Unix() + 60, Keep: time.Minute}
		rate := bucket(2, store.Rate{Tokens: 1, Per: 1_000_000})
		take := func(at time.Time) *store.Charge {
			c := store.NewCharge("key", 1, rate, short)
			c.At = at
			require.NoError(t, s.Take(t.Context(), c))
			return c
		}
		require.True(t, take(now).OK)
		require.True(t, take(now.Add(time.Second)).OK)
		refused := take(now.Add(2 * time.Second))
		require.False(t, refused.OK)
		require.Equal(t, time.Second, refused.Parts[0].Levels[0].Wait, "by the clock of the server, which stands still")
		require.Equal(t, 58*time.Second, refused.Parts[0].Levels[1].Wait, "by the clock of the caller")
		_, err := s.Prune(t.Context())
		require.NoError(t, err)
		require.False(t, take(now.Add(3*time.Second)).OK, "Prune has left the window that is not over")
		clock.set(t, now.Add(off+time.Second))
		require.Equal(t, int64(1), take(now.Add(4 * time.Second)).Parts[0].Levels[0].Used, "the bucket has a token again")
	}
}
