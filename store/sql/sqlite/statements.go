package sqlite

import (
	"database/sql"
	"strings"
)

// lookups are the statements that read the state of a subject.
type lookups struct {
	version, moved, window, windows, bucket *sql.Stmt
}

// manyWindows is how many windows of one name the statement windows reads at a time.
const manyWindows = 16

func (l *lookups) texts() []text {
	const state = "used, extra, last_span, ends, kept_until FROM ration_windows WHERE subject = ? AND name = ? AND start "
	return []text{
		{&l.version, selectVersion},
		{&l.moved, "SELECT moved_to FROM ration_moves WHERE subject = ?"},
		{&l.window, "SELECT start, " + state + "= ?"},
		{&l.windows, "SELECT start, " + state + "IN (?" + strings.Repeat(", ?", manyWindows-1) + ")"},
		{&l.bucket, "SELECT tokens, part, per, updated, full_by FROM ration_buckets WHERE subject = ? AND name = ?"},
	}
}

// statements are all statements of the writer.
type statements struct {
	lookups

	insertWindow, updateWindow, extendWindow *sql.Stmt
	insertBucket, updateBucket, extendBucket *sql.Stmt

	dropWindows, dropBuckets           *sql.Stmt // of one subject, if they are of no use
	inUse, giveWindows, giveBuckets    *sql.Stmt
	openSubject, closeSubject          *sql.Stmt
	pruneWindows, pruneBuckets, reopen *sql.Stmt
}

func (s *statements) texts() []text {
	const (
		window = " WHERE subject = ? AND name = ? AND start = ?"
		bucket = " WHERE subject = ? AND name = ?"
	)
	return append(s.lookups.texts(), []text{
		{&s.insertWindow, "INSERT INTO ration_windows (used, extra, last_span, ends, kept_until, subject, name, start) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
		// Most charges leave kept_until as it is. Then its index is left alone, too.
		{&s.updateWindow, "UPDATE ration_windows SET used = ?, extra = ?, last_span = ?" + window},
		{&s.extendWindow, "UPDATE ration_windows SET used = ?, extra = ?, last_span = ?, ends = ?, kept_until = ?" + window},
		{&s.insertBucket, "INSERT INTO ration_buckets (tokens, part, per, updated, full_by, subject, name) VALUES (?, ?, ?, ?, ?, ?, ?)"},
		{&s.updateBucket, "UPDATE ration_buckets SET tokens = ?, part = ?, per = ?, updated = ?" + bucket},
		{&s.extendBucket, "UPDATE ration_buckets SET tokens = ?, part = ?, per = ?, updated = ?, full_by = ?" + bucket},

		{&s.dropWindows, "DELETE FROM ration_windows WHERE subject = ? AND kept_until < ?"},
		{&s.dropBuckets, "DELETE FROM ration_buckets WHERE subject = ? AND full_by < ?"},
		{&s.inUse, "SELECT EXISTS (SELECT 1 FROM ration_windows WHERE subject = ?1) OR EXISTS (SELECT 1 FROM ration_buckets WHERE subject = ?1)"},
		{&s.giveWindows, "UPDATE ration_windows SET subject = ? WHERE subject = ?"},
		{&s.giveBuckets, "UPDATE ration_buckets SET subject = ? WHERE subject = ?"},
		{&s.openSubject, "DELETE FROM ration_moves WHERE subject = ?"},
		{&s.closeSubject, "INSERT INTO ration_moves (subject, moved_to, closed_until) VALUES (?, ?, ?)"},

		{&s.pruneWindows, "DELETE FROM ration_windows WHERE (subject, name, start) IN (SELECT subject, name, start FROM ration_windows WHERE kept_until < ? LIMIT ?)"},
		{&s.pruneBuckets, "DELETE FROM ration_buckets WHERE (subject, name) IN (SELECT subject, name FROM ration_buckets WHERE full_by < ? LIMIT ?)"},
		{&s.reopen, "DELETE FROM ration_moves WHERE subject IN (SELECT subject FROM ration_moves WHERE closed_until < ? LIMIT ?)"},
	}...)
}
