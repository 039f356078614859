// Package sqlite stores keys, plans, groups, links and counters in a SQLite file, for any
// number of processes on one machine. It needs no server and no C compiler. An answered
// charge is on the disk.
//
//	st, err := sqlite.Open("/var/lib/service/ration.db", sqlite.Config{})
//	...
//	defer st.Close()
//	if err := st.Migrate(ctx); err != nil {
//		...
//	}
//	go st.Run(ctx) // so that a Gate forgets at once what another process changes
//
// # Decisions
//
// A file has one writer at a time, and a transaction waits for the disk. So a Store
// gathers the charges of concurrent callers into one transaction, which decides them one
// after the other. There is no timer, so a single caller does not wait longer. While the
// disk writes one batch, the callers of the next one gather. Reads go on beside the
// writer and do not wait for it.
//
// Put package [github.com/ration-go/ration/store/lease] in front for subjects that are
// charged thousands of times a second. It decides in memory, and pays for whole blocks of
// units.
//
// Windows go by the At of a charge. Buckets refill by the wall clock of the machine.
// Every charge is one step, also over several families, and so is every Move.
//
// # What can be lost
//
// With [Full], which is the default, nothing: a charge is on the disk before its caller
// has the answer. With [Normal] a power cut can lose the latest changes. A process that
// is killed loses nothing in either mode.
//
// SQLite keeps no checksums. A page that is damaged in its structure, or a number that no
// Store can have written, is an error of the charges that need it, which wraps
// [store.ErrNotTaken]. Other subjects are charged as before. A number that was changed
// into another valid one is not noticed. Call [Store.Verify] after a disk has failed.
//
// # Several processes
//
// Processes of one machine can open the same file. A process whose change finds the file
// locked tries again for up to [Config.Busy]. The processes take no turns: while some
// are never idle, another one may wait many times as long as one transaction takes.
//
// Caution: Locks and shared memory do not work on network file systems. Two machines that
// write to one file there destroy it.
//
// Caution: SQLite's log is named after the file. Never rename, replace or remove a file
// that is open, or its -wal and -shm files, and never copy the file alone.
//
// # Errors
//
// An error wraps [store.ErrNotTaken] only if nothing was changed:
//
//   - ctx was done before the batch began;
//   - the file was locked for longer than Config.Busy;
//   - the transaction failed before COMMIT, and was rolled back: a damaged page, a row
//     that
//     was changed by other means, a table that is missing, a file that cannot be written;
//   - the disk was full;
//   - the schema has another version, or the Store is closed;
//   - the file was removed, renamed or replaced while it was open.
//
// If the disk fails at COMMIT, or ctx ends while the batch is in progress, the charge may
// have happened. [Store.Take] then returns an error without store.ErrNotTaken.
//
// # Schema
//
// [Store.Migrate] makes the tables, and [Migrations] returns its statements. They have a
// comment for each column. The schema only grows: each version is a migration of its own.
// A Store refuses to write to a schema that is newer than itself.
//
//	ration_schema             version, name, applied
//	ration_windows            subject, name, start -> ends, used, extra, last_span, kept_until
//	ration_buckets            subject, name -> tokens, part, per, updated, full_by
//	ration_moves              subject -> moved_to, closed_until
//	ration_windows_readable   the same as texts and UTC times, and so on
//	ration_buckets_readable
//	ration_moves_readable
//
// The tables of counters have numbers: start, ends, kept_until, full_by and closed_until
// are Unix seconds, and updated is in microseconds. The views beside them have readable
// times. Subjects and names are any bytes, so they are BLOBs. A subject that the gate
// charges for a link is "KEY/ALLOWANCE". This is what the keys used in November:
//
//	SELECT subject, name, used FROM ration_windows_readable WHERE start = '2026-11-01 00:00:00'
//
// Windows that ended, and buckets that are full, stay in the tables until a service calls
// [Store.Prune].
//
// Keys, plans, groups and links have a number, seq, by which they are listed:
//
//	ration_keys      id -> name, description, customer_id, group_id, enabled, hint, digest,
//	                 retiring, retiring_until, sealed, expires, tags, stage_keys, created,
//	                 updated, version, scopes, networks, rotated
//	ration_plans     id -> name, description, limits, stages, detached, product_code, tags,
//	                 created, updated, version
//	ration_groups    id -> name, parent_id, plan_id, limits, created, updated, version
//	ration_links     key_id, plan_id -> allowance, limits, created, version
//	ration_history   seq -> at, actor_kind, actor_name, action, kind, id, state_before,
//	                 state_after
//	ration_digests   digest -> key_seq
//	ration_changes   seq -> id
//
// Their times are texts in UTC, such as "2026-11-30 12:00:00.000000". Limits, tags,
// stages, stage_keys, scopes and networks are JSON. Triggers keep the last two tables:
// the digests of all keys, and the latest changes, by which Run learns of them. So rows
// may be changed by hand. Add 1 to version then.
//
// The file holds the digests of secrets. So only its owner may read a file that Open
// makes. A file that is there keeps its permissions.
package sqlite
